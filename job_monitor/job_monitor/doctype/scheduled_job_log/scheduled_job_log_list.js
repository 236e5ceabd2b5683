frappe.job_monitor.show.prepare("Scheduled Job Log");

Object.assign((frappe.listview_settings["Scheduled Job Log"] ??= {}), {
	hide_name_column: true,
	add_fields: ["status", "method", "error"],

	refresh(listview) {
		const { live, show } = frappe.job_monitor;
		live.list(listview);
		show.full_names(listview, (doc) => doc.method);
		show.empty_list(listview, __("No scheduled job has run yet. Is the scheduler enabled?"));
	},

	get_indicator: (doc) => frappe.job_monitor.show.indicator(doc),

	formatters: {
		// Frappe 16 names schedules by random letters
		scheduled_job_type: (value, _df, doc) =>
			frappe.job_monitor.show.method(doc.method) || value,
		started_at: (value, df) => frappe.job_monitor.show.when(value, df),
		ended_at: (value, df) => frappe.job_monitor.show.when(value, df),
		duration: (value, df) => frappe.job_monitor.show.duration(value, df),
		error: (value) => {
			const { cell, text } = frappe.job_monitor.show;
			return value ? cell(text(value), value) : "";
		},
	},
});

extend_onload(frappe.listview_settings["Scheduled Job Log"]);

function extend_onload(settings) {
	const onload = settings.onload; // Frappe's own: how long rows are kept
	settings.onload = (listview) => {
		onload?.(listview);
		listview.can_create = false; // the scheduler writes runs, nobody does by hand
		listview.set_primary_action();
		frappe.job_monitor.live.attach(listview);
		frappe.job_monitor.show.columns(listview, ["started_at", "duration", "error"], 6);
	};
}
