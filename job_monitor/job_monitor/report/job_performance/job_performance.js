frappe.query_reports["Job Performance"] = {
	filters: [
		{
			fieldname: "since",
			label: __("From"),
			fieldtype: "Datetime",
			// With its time: of a day alone the control makes "00:00:ss"
			default: frappe.datetime.get_datetime_as_string(
				moment(frappe.datetime.system_datetime()).subtract(1, "day")
			),
		},
		{ fieldname: "until", label: __("Until"), fieldtype: "Datetime" },
		{
			fieldname: "queue",
			label: __("Queue"),
			fieldtype: "Select",
			options: ["", ...(frappe.boot.job_monitor?.queues || [])],
		},
		{ fieldname: "method", label: __("Method"), fieldtype: "Data" },
	],
	formatter: (...cell) => frappe.job_monitor.show.report_cell(...cell),
};
