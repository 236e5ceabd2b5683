frappe.query_reports["Job Throughput"] = {
	filters: frappe.job_monitor.history.filters("Time"),
	onload: (report) => frappe.job_monitor.history.chart_axes(report),
	formatter: (...cell) => frappe.job_monitor.history.report_cell(...cell),
};
