app_name = "job_monitor"
app_title = "Job Monitor"
app_publisher = "Job Monitor maintainers"
app_description = "Background job monitor for Frappe: workers, queues, jobs, schedules"
app_email = "maintainers@job-monitor.invalid"
app_license = "mit"

export_python_type_annotations = True
require_type_annotated_api_methods = True

after_install = "job_monitor.install.after_install"
after_migrate = "job_monitor.install.after_migrate"
after_uninstall = "job_monitor.install.after_uninstall"

app_include_js = "job_monitor.bundle.js"
app_include_css = "job_monitor.bundle.css"

doctype_js = {
	"RQ Job": "job_monitor/doctype/rq_job/rq_job.js",
	"RQ Worker": "job_monitor/doctype/rq_worker/rq_worker.js",
	"Scheduled Job Log": "job_monitor/doctype/scheduled_job_log/scheduled_job_log.js",
	"Scheduled Job Type": "job_monitor/doctype/scheduled_job_type/scheduled_job_type.js",
}
doctype_list_js = {
	"RQ Job": "job_monitor/doctype/rq_job/rq_job_list.js",
	"RQ Worker": "job_monitor/doctype/rq_worker/rq_worker_list.js",
	"Scheduled Job Log": "job_monitor/doctype/scheduled_job_log/scheduled_job_log_list.js",
	"Scheduled Job Type": "job_monitor/doctype/scheduled_job_type/scheduled_job_type_list.js",
}

extend_bootinfo = "job_monitor.bridge.boot.extend"

before_request = ["job_monitor.background_jobs_patch.before_request"]
before_job = ["job_monitor.job_hooks.before"]
after_job = ["job_monitor.job_hooks.after"]

override_whitelisted_methods = {
	"frappe.core.doctype.rq_job.rq_job.remove_failed_jobs": "job_monitor.api.jobs.remove_failed",
	"frappe.core.doctype.rq_job.rq_job.stop_job": "job_monitor.api.jobs.stop_job",
	"frappe.core.doctype.data_export.exporter.export_data": "job_monitor.api.exports.export_data",
	"frappe.core.doctype.data_import.data_import.download_template": "job_monitor.api.exports.download_template",
	"frappe.desk.query_report.export_query": "job_monitor.api.exports.export_report",
	"frappe.desk.reportview.export_query": "job_monitor.api.exports.export_list",
	"frappe.desk.listview.get_group_by_count": "job_monitor.api.lists.get_group_by_count",
	"frappe.utils.background_jobs.get_queue_info": "job_monitor.api.queues.get_queue_info",
}

standard_queries = dict.fromkeys(("RQ Job", "RQ Worker", "Job Failure Group"), "job_monitor.api.links.search")

override_doctype_class = {
	"RQ Job": "job_monitor.job_monitor.doctype.rq_job.rq_job.RQJob",
	"RQ Worker": "job_monitor.job_monitor.doctype.rq_worker.rq_worker.RQWorker",
	"Scheduled Job Log": "job_monitor.job_monitor.doctype.scheduled_job_log.scheduled_job_log.ScheduledJobLog",
	"Scheduled Job Type": "job_monitor.job_monitor.doctype.scheduled_job_type.scheduled_job_type.ScheduledJobType",
}

default_log_clearing_doctypes = {
	"Job Monitor Audit": 365,
	"Job Alert": 365,
	"Job Failure": 90,
	"Job Failure Group": 365,
	"Job Metric": 365,
}
ignore_links_on_delete = ["Job Monitor Audit", "Job Failure", "Job Alert"]

user_data_fields = [
	{"doctype": "Job Failure", "filter_by": "user", "redact_fields": ["arguments", "message", "traceback"]},
	{"doctype": "Job Failure", "strict": True},
	{"doctype": "Job Monitor Audit", "filter_by": "user", "partial": True},
	{"doctype": "Job Alert", "filter_by": "acknowledged_by", "partial": True},
	{"doctype": "Job Alert Flip", "filter_by": "who", "partial": True},
	{"doctype": "Job Alert Channel", "filter_by": "recipients", "strict": True},
]

scheduler_events = {
	"cron": {"* * * * *": ["job_monitor.tasks.sweep"]},
	"hourly": ["job_monitor.tasks.check_error_rate"],
}
