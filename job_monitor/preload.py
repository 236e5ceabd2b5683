"""Imports what the run a minute needs before a worker forks: a work-horse would import it anew for each run, which took
half a second of processor time for each site and minute."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

MODULES = (
	"job_monitor.around_jobs",
	"job_monitor.tasks",
	"job_monitor.job_monitor.doctype.scheduled_job_type.scheduled_job_type",
	"job_monitor.job_monitor.doctype.job_monitor_settings.job_monitor_settings",
	"job_monitor.job_monitor.doctype.job_alert.job_alert",
	"job_monitor.job_monitor.doctype.job_alert_channel.job_alert_channel",
	"job_monitor.job_monitor.doctype.job_alert_flip.job_alert_flip",
)

FRAPPE = (
	"frappe.core.doctype.docfield.docfield",
	"frappe.core.doctype.docperm.docperm",
	"frappe.core.doctype.doctype_action.doctype_action",
	"frappe.core.doctype.doctype_link.doctype_link",
	"frappe.core.doctype.doctype_state.doctype_state",
	"frappe.core.doctype.system_settings.system_settings",
	"frappe.core.doctype.user_permission.user_permission",
	"frappe.core.utils",
	"frappe.database.operator_map",
	"frappe.database.query",
	"frappe.desk.form.linked_with",
	"frappe.model.create_new",
	"frappe.translate",
	"frappe.utils.background_jobs",
	"frappe.utils.password",
)
"""What Frappe itself imports late, on the way from our run a minute to its database. A name that is gone costs time, and
nothing else."""


def load() -> None:
	"""Import it all. Takes half a second, once for each worker."""
	for name in MODULES:
		import_module(name)
	for name in FRAPPE:
		with suppress(ImportError):
			import_module(name)
