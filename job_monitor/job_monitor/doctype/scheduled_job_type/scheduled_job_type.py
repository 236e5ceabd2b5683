"""Scheduled Job Type as core defines it; runs that keep no log are heard of, too."""

from __future__ import annotations

from frappe.core.doctype.scheduled_job_type.scheduled_job_type import (
	ScheduledJobType as CoreScheduledJobType,
)

from job_monitor.recorder import scheduled


class ScheduledJobType(CoreScheduledJobType):
	def log_status(self, status: str) -> None:
		super().log_status(status)
		if not self.create_log:
			scheduled.without_log(self, status)
