Object.assign((frappe.listview_settings["Scheduled Job Log"] ??= {}), {
	hide_name_column: true,
	add_fields: ["status", "method", "error"],

	refresh(listview) {
		frappe.job_monitor.live.list(listview);
		frappe.job_monitor.show.empty_list(
			listview,
			__("No scheduled job has run yet. Is the scheduler enabled?")
		);
	},

	get_indicator: (doc) => frappe.job_monitor.show.indicator(doc),

	formatters: {
		method: (value) => frappe.job_monitor.show.method(value),
		started_at: (value) => frappe.job_monitor.show.when(value),
		ended_at: (value) => frappe.job_monitor.show.when(value),
		duration: (value, df) => frappe.job_monitor.show.duration(value, df),
	},
});
