frappe.query_reports["Schedule Health"] = {
	filters: [
		{
			fieldname: "state",
			label: __("Health"),
			fieldtype: "Select",
			options: [
				{ value: "", label: __("All") },
				{ value: "problems", label: __("Problems") },
				...Object.keys(frappe.job_monitor.show.SCHEDULE_COLORS).map((value) => ({
					value,
					label: frappe.job_monitor.show.schedule_indicator({ state: value })[0],
				})),
			],
		},
	],

	formatter(value, row, column, data, default_formatter) {
		if (column.fieldname !== "state" || !data)
			return default_formatter(value, row, column, data);
		const [label, color] = frappe.job_monitor.show.schedule_indicator(data);
		return `<span class="indicator-pill ${color}">${label}</span>`;
	},
};
