frappe.job_monitor.show.prepare("Job Failure");
// Told with their unit
for (const [field, label] of [
	["wait", __("Wait")],
	["duration", __("Duration")],
	["cpu", __("CPU Time")],
])
	Object.assign(frappe.meta.get_docfield("Job Failure", field), {
		label,
		formatter: frappe.job_monitor.show.seconds,
	});

frappe.listview_settings["Job Failure"] = {
	hide_name_column: true,
	add_fields: ["outcome", "message"],

	onload(listview) {
		listview.can_create = false; // the recorder writes them
		listview.set_primary_action();
		const order = ["exception", "queue", "failed_at", "duration"];
		frappe.job_monitor.show.columns(listview, order, 4);
	},

	refresh(listview) {
		const { show } = frappe.job_monitor;
		show.full_names(listview, (doc) => doc.method);
		show.empty_list(listview, __("No job has failed since this app was installed."));
	},

	get_indicator: (doc) => frappe.job_monitor.history.outcome(doc),

	formatters: {
		method: (value) => frappe.job_monitor.show.method(value),
		exception(value, df, doc) {
			const { cell, text } = frappe.job_monitor.show;
			const told = [value, doc.message].filter(Boolean).join(": ");
			return cell(text(told), told);
		},
		queue: (value, df) => frappe.job_monitor.show.filterable(value, df),
		failed_at: (value, df) => frappe.job_monitor.show.when(value, df),
		duration: (value, df) => frappe.job_monitor.show.duration(value, df),
	},
};
