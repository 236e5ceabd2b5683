"""Job Failure Group: failures with the same exception, message (but for names and numbers) and place in the code."""

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
		"""Keep all but the notes as the recorder has stored them: it does not touch `modified`, so a form may be older.

		The state is changed by `bridge.history.failure_groups.set_state`.
		"""
		stored = row_locks.read(self.doctype, self.name, KEPT) or {}
		self.update(stored)
		if state := self.flags.job_monitor_state:
			self.state = state

	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		retention.clear_groups(days)
