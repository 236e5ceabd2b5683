frappe.job_monitor.show.prepare("Job Metric");

frappe.listview_settings["Job Metric"] = {
	onload(listview) {
		listview.can_create = false; // the recorder writes them
		listview.set_primary_action();
		frappe.job_monitor.show.columns(listview, [
			"queue",
			"start",
			"success",
			"failed",
			"killed",
		]);
	},
};
