"""Scheduled Job Log as core defines it, with start, end, duration, place and error of each run."""

from __future__ import annotations

from typing import Any

import frappe
from frappe.core.doctype.scheduled_job_log.scheduled_job_log import ScheduledJobLog as CoreScheduledJobLog
from frappe.utils import add_days, now_datetime

from job_monitor.recorder import scheduled

CLEAR_ROWS = 5_000
"""Rows deleted in one transaction: the log is written by every scheduled run meanwhile."""


class ScheduledJobLog(CoreScheduledJobLog):
	def before_insert(self) -> None:
		if not self.flags.job_monitor_whole:
			scheduled.begin(self)

	def db_set(self, fieldname: Any, value: Any = None, *args: Any, **kwargs: Any) -> None:
		values = fieldname if isinstance(fieldname, dict) else {fieldname: value}
		more = scheduled.with_outcome(self, values)
		try:
			super().db_set(more, None, *args, **kwargs)
		except Exception:
			if more == values:
				raise
			# What core writes must be written, whatever is wrong with what is added
			super().db_set(values, None, *args, **kwargs)

	@staticmethod
	def clear_old_logs(days: int = 90) -> None:
		"""In small transactions: one for a million rows would outlast its time limit."""
		before = add_days(now_datetime(), -days)
		# The one of the two that core has an index on
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
