frappe.query_reports["Job Latency"] = {
	filters: frappe.job_monitor.history.filters("Method", [
		{
			fieldname: "chart",
			label: __("Chart"),
			fieldtype: "Select",
			options: [
				{ value: "Duration", label: __("Duration") },
				{ value: "Wait", label: __("Wait") },
			],
			default: "Duration",
		},
	]),
	onload: (report) => frappe.job_monitor.history.chart_axes(report),
	formatter: (...cell) => frappe.job_monitor.history.report_cell(...cell),
};
