const healths = new Map();

frappe.listview_settings["Scheduled Job Type"] = {
	hide_name_column: true,
	add_fields: ["stopped", "last_execution"],

	onload(listview) {
		frappe.job_monitor.show.columns(listview, ["frequency", "last_execution"], 4);
		listview.page.add_inner_button(__("Schedule Health"), () =>
			frappe.set_route("query-report", "Schedule Health")
		);
	},

	async refresh(listview) {
		const names = listview.data.map((doc) => doc.name);
		if (!names.length) return;
		const found = await frappe.job_monitor.get_schedule_health(names);
		for (const health of found) healths.set(health.name, health);
		listview.render_list(); // which does not call this again
	},

	get_indicator(doc) {
		const health = healths.get(doc.name);
		return health
			? frappe.job_monitor.show.schedule_indicator(health)
			: [doc.stopped ? __("Stopped") : "…", "gray", `stopped,=,${doc.stopped}`];
	},

	formatters: {
		method: (value) => frappe.job_monitor.show.method(value),
		last_execution(value, df, doc) {
			const { cell, escape, when } = frappe.job_monitor.show;
			const { message, next_due_at } = healths.get(doc.name) || {};
			if (message) return cell(escape(message), message);
			const next = next_due_at && __("next {0}", [frappe.datetime.prettyDate(next_due_at)]);
			const last = value ? when(value, df) : escape(__("Has not run yet"));
			return next ? `${last} <span class="text-muted">· ${escape(next)}</span>` : last;
		},
	},
};
