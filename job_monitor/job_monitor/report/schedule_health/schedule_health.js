frappe.query_reports["Schedule Health"] = {
	filters: [
		{
			fieldname: "state",
			label: __("Health"),
			fieldtype: "Select",
			options: [
				{ value: "", label: __("All") },
				{ value: "problems", label: __("Problems") },
				...Object.entries(frappe.boot.job_monitor.schedule_states).map(
					([value, label]) => ({ value, label })
				),
			],
		},
	],

	formatter(value, row, column, data, default_formatter) {
		const { escape, link, method, report_cell, schedule_indicator, text } =
			frappe.job_monitor.show;
		if (column.fieldname === "name" && data)
			return link("Scheduled Job Type", data.name, method(data.method), data.method);
		if (["message", "hint"].includes(column.fieldname) && value)
			return `<span title="${escape(value)}">${text(value)}</span>`;
		if (column.fieldname !== "state" || !data)
			return report_cell(value, row, column, data, default_formatter);
		const [label, color] = schedule_indicator(data);
		return `<span class="indicator-pill ${color}">${label}</span>`;
	},
};
