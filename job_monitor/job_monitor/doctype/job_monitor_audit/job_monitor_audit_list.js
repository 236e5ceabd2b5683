frappe.job_monitor.show.prepare("Job Monitor Audit");

frappe.listview_settings["Job Monitor Audit"] = {
	hide_name_column: true,
	add_fields: ["done"],

	onload(listview) {
		listview.can_create = false; // written by what people do
		listview.set_primary_action();
		frappe.job_monitor.show.columns(
			listview,
			["subject_type", "subject", "user", "creation"],
			5
		);
	},

	get_indicator: (doc) =>
		doc.done ? [__("Done"), "green", "done,=,1"] : [__("Not Done"), "orange", "done,=,0"],
};
