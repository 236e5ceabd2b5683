frappe.query_reports["Job Performance"] = {
	filters: [
		{
			fieldname: "since",
			label: __("From"),
			fieldtype: "Datetime",
			default: frappe.datetime.add_days(frappe.datetime.system_datetime(), -1),
		},
		{ fieldname: "until", label: __("To"), fieldtype: "Datetime" },
		{
			fieldname: "queue",
			label: __("Queue"),
			fieldtype: "Select",
			options: ["", ...(frappe.boot.job_monitor?.queues || [])],
		},
		{ fieldname: "method", label: __("Method"), fieldtype: "Data" },
	],
};
