const healths = new Map();

// Of no field: the answer to `get_schedule_health` fills them
const COLUMNS = [
	{ fieldname: "next_due", label: "Next Due", fieldtype: "Data" },
	{ fieldname: "missed", label: "Missed", fieldtype: "Data" },
];

frappe.listview_settings["Scheduled Job Type"] = {
	hide_name_column: true,
	add_fields: ["stopped", "last_execution"],

	onload(listview) {
		const setup_columns = listview.setup_columns.bind(listview);
		listview.setup_columns = () => {
			setup_columns();
			listview.columns.push(...COLUMNS.map((df) => ({ type: "Field", df })));
		};
		listview.setup_columns();
		frappe.job_monitor.show.columns(listview, [
			"frequency",
			"last_execution",
			"next_due",
			"missed",
		]);
		listview.page.add_inner_button(__("Schedule Health"), () =>
			frappe.set_route("query-report", "Schedule Health")
		);
	},

	async refresh(listview) {
		// Nothing sorts by what is no field
		for (const { fieldname } of COLUMNS)
			listview.$result
				.find(`[data-sort-by="${fieldname}"]`)
				.removeAttr("data-sort-by title");
		const names = listview.data.map((doc) => doc.name);
		if (!names.length) return;
		const found = await frappe.job_monitor.get_schedule_health(names);
		for (const health of found) healths.set(health.name, health);
		listview.render_list(); // which does not call this again
		frappe.job_monitor.show.full_names(listview, (doc) => doc.method);
	},

	get_indicator(doc) {
		const health = healths.get(doc.name);
		return health
			? frappe.job_monitor.show.schedule_indicator(health)
			: [doc.stopped ? __("Stopped") : "…", "gray", `stopped,=,${doc.stopped}`];
	},

	formatters: {
		method: (value) => frappe.job_monitor.show.method(value),
		frequency: (value, df) => frappe.job_monitor.show.filterable(value, df),
		last_execution: (value, df) => frappe.job_monitor.show.when(value, df),
		next_due(_value, _df, doc) {
			const health = healths.get(doc.name);
			return health ? told(frappe.job_monitor.show.due(health), health) : "";
		},
		missed(_value, _df, doc) {
			const health = healths.get(doc.name);
			return health?.missed_runs ? told(health.missed_runs, health) : "";
		},
	},
};

/** A cell whose tooltip says what is wrong, or when it is due. */
function told(text, { message, hint, next_due_at }) {
	const { cell, text: as_text } = frappe.job_monitor.show;
	const due = next_due_at ? frappe.datetime.str_to_user(next_due_at) : "";
	return cell(as_text(text), message ? `${message} ${hint}` : due);
}
