app_name = "job_monitor"
app_title = "Job Monitor"
app_publisher = "Job Monitor maintainers"
app_description = "Background job monitor for Frappe: workers, queues, jobs, schedules"
app_email = "maintainers@job-monitor.invalid"
app_license = "mit"

export_python_type_annotations = True
require_type_annotated_api_methods = True
