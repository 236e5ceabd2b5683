frappe.query_reports["Job Throughput"] = {
	filters: frappe.job_monitor.history.filters("Time"),
	formatter: (...cell) => frappe.job_monitor.history.report_cell(...cell),
};
