"""Scheduled Job Type as Frappe defines it; its runs are noted by the recorder, also those that keep no log."""

from __future__ import annotations

import sys

from frappe.core.doctype.scheduled_job_type.scheduled_job_type import (
	ScheduledJobType as CoreScheduledJobType,
)

from job_monitor.recorder import recording, scheduled_runs

SWEEP = "job_monitor.tasks.sweep"


class ScheduledJobType(CoreScheduledJobType):
	def log_status(self, status: str) -> None:
		"""Frappe's own, and a note of the run's start or end by the recorder."""
		if self.method == SWEEP:
			# Frappe 15 keeps a log of all schedules with a cron format: 1,440 rows a day of nothing
			self.create_log = 0
		if status == "Failed":
			recording.note_error(sys.exc_info()[1])
		super().log_status(status)
		if status == "Start":
			scheduled_runs.note_start(self)
		else:
			scheduled_runs.note_end(self, failed=status == "Failed")
