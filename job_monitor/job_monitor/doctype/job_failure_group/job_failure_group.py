"""Failures of one kind: same exception, same message but for names and numbers, same place in the app's code."""

from __future__ import annotations

from frappe.model.document import Document

from job_monitor.bridge.database import row_locks
from job_monitor.bridge.markup import PlainText
from job_monitor.recorder import retention

KEPT = [
	"title",
	"state",
	"occurrences",
	"last_days",
	"last_at",
	"first_at",
	"reopened",
	"reopened_at",
	"method",
	"exception",
	"frames",
	"message",
]


class JobFailureGroup(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		exception: DF.Data | None
		first_at: DF.Datetime | None
		frames: DF.SmallText | None
		last_days: DF.Data | None
		last_at: DF.Datetime | None
		message: DF.SmallText | None
		method: DF.Data | None
		notes: DF.SmallText | None
		occurrences: DF.Int
		reopened: DF.Int
		reopened_at: DF.Datetime | None
		state: DF.Literal["Open", "Resolved", "Ignored"]
		title: DF.Data | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Only notes are edited here. The rest is as the recorder has it by now, and a form may be older: it does not
		touch `modified`. The state is changed by `bridge.failure_groups.set_state`."""
		stored = row_locks.read(self.doctype, self.name, KEPT) or {}
		self.update(stored)
		if state := self.flags.job_monitor_state:
			self.state = state

	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		retention.clear_groups(days)
