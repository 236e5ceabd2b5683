"""Scheduled Job Type as Frappe defines it; runs that keep no log are heard of, too."""

from __future__ import annotations

import sys

from frappe.core.doctype.scheduled_job_type.scheduled_job_type import (
	ScheduledJobType as CoreScheduledJobType,
)

from job_monitor.recorder import recording, scheduled_runs

SWEEP = "job_monitor.tasks.sweep"


class ScheduledJobType(CoreScheduledJobType):
	def log_status(self, status: str) -> None:
		if self.method == SWEEP:
			self.create_log = (
				0  # Frappe 15 wants a log of whatever has a cron format: 1,440 rows a day of nothing
			)
		if status == "Failed":
			recording.note_error(sys.exc_info()[1])
		super().log_status(status)
		if status == "Start":
			scheduled_runs.note_start(self)
		else:
			scheduled_runs.note_end(self, failed=status == "Failed")
