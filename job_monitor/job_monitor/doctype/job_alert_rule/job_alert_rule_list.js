frappe.job_monitor.show.to_the_letter("Job Alert Rule");
// Desk adds the time zone to it, and finds no translation of both
{
	const df = frappe.meta.get_docfield("Job Alert Rule", "muted_until");
	df.description = __(df.description);
}

frappe.listview_settings["Job Alert Rule"] = {
	hide_name_column: true,
	add_fields: ["enabled", "muted_until", "severity"],

	get_indicator(doc) {
		if (!doc.enabled) return [__("Disabled"), "gray", "enabled,=,0"];
		if (doc.muted_until > frappe.datetime.system_datetime()) {
			return [__("Muted"), "yellow", "muted_until,>,Now"];
		}
		const color = doc.severity === "Critical" ? "red" : "orange";
		return [__(doc.severity), color, `enabled,=,1|severity,=,${doc.severity}`];
	},

	onload(listview) {
		frappe.job_monitor.show.columns(listview, ["kind", "threshold", "queue", "subject"]);
		listview.page.add_inner_button(__("Alerts"), () => frappe.set_route("List", "Job Alert"));
		listview.page.add_inner_button(__("Channels"), () =>
			frappe.set_route("List", "Job Alert Channel")
		);
	},

	formatters: {
		kind: (value, df) => frappe.job_monitor.show.filterable(value, df),
		threshold: (value) => (value ? `<span>${format_number(value, null, 0)}</span>` : ""),
	},
};
