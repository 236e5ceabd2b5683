"""Scheduled Job Log as Frappe defines it, cleared in small transactions.

Start, end, duration, job and error of each run are written beside it by `recorder.scheduled_runs`: nothing of ours takes
part in the insert and save of a row, which would stop the schedule if it failed.
"""

from __future__ import annotations

import frappe
from frappe.core.doctype.scheduled_job_log.scheduled_job_log import ScheduledJobLog as CoreScheduledJobLog
from frappe.utils import add_days, now_datetime

from job_monitor.bridge.markup import PlainText

CLEAR_ROWS = 5_000
"""Rows deleted in one transaction: the log is written by every scheduled run meanwhile."""


class ScheduledJobLog(PlainText, CoreScheduledJobLog):
	@staticmethod
	def clear_old_logs(days: int = 90) -> None:
		"""Delete old rows in small transactions: a single one for a million rows would outlast its time limit."""
		before = add_days(now_datetime(), -days)
		# Frappe 15 has an index on one of the two, 16 on the other
		moment = "modified" if frappe.__version__.startswith("15.") else "creation"
		while names := frappe.get_all(
			"Scheduled Job Log",
			{moment: ["<", before]},
			pluck="name",
			limit=CLEAR_ROWS,
			order_by=moment,
		):
			frappe.db.delete("Scheduled Job Log", {"name": ["in", names]})
			frappe.db.commit()
