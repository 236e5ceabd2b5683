"""Scheduled Job Type as core defines it; runs that keep no log are heard of, too."""

from __future__ import annotations

import sys

from frappe.core.doctype.scheduled_job_type.scheduled_job_type import (
	ScheduledJobType as CoreScheduledJobType,
)

from job_monitor.recorder import runs, scheduled

SWEEP = "job_monitor.tasks.sweep"


class ScheduledJobType(CoreScheduledJobType):
	def validate(self) -> None:
		super().validate()
		if (
			self.method == SWEEP
		):  # Frappe 15 wants a log of whatever has a cron format: of this, 1,440 rows a day
			self.create_log = 0

	def log_status(self, status: str) -> None:
		if status == "Failed":
			runs.note_error(sys.exc_info()[1])
		super().log_status(status)
		if not self.create_log:
			scheduled.without_log(self, status)
