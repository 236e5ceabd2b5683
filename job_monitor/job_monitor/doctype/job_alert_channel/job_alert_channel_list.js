frappe.job_monitor.show.to_the_letter("Job Alert Channel");

frappe.listview_settings["Job Alert Channel"] = {
	hide_name_column: true,
	add_fields: ["enabled", "status", "last_error"],

	onload(listview) {
		frappe.job_monitor.show.columns(listview, ["kind", "goes_to", "last_sent"], 5);
	},

	get_indicator(doc) {
		if (!doc.enabled) return [__("Disabled"), "gray", "enabled,=,0"];
		if (doc.status === "Failing")
			return [__("Failing"), "red", "enabled,=,1|status,=,Failing"];
		if (doc.status === "OK") return [__("OK"), "green", "enabled,=,1|status,=,OK"];
		return [__("Not Used"), "blue", "enabled,=,1|status,=,"];
	},

	formatters: {
		goes_to(value, _df, doc) {
			const { cell, text } = frappe.job_monitor.show;
			if (doc.status !== "Failing") return cell(text(value), value);
			return cell(
				`<span class="text-danger">${text(doc.last_error)}</span>`,
				doc.last_error
			);
		},
		last_sent: (value, df) => frappe.job_monitor.show.when(value, df),
	},
};
