"""Failures of one kind: same exception, same message but for names and numbers, same place in the app's code."""

from __future__ import annotations

from frappe.model.document import Document

from job_monitor.recorder import retention


class JobFailureGroup(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		exception: DF.Data | None
		first_seen: DF.Datetime | None
		frames: DF.SmallText | None
		last_days: DF.Data | None
		last_seen: DF.Datetime | None
		message: DF.SmallText | None
		method: DF.Data | None
		occurrences: DF.Int
		reopened: DF.Int
		reopened_at: DF.Datetime | None
		state: DF.Literal["Open", "Resolved", "Ignored"]
		title: DF.Data | None
	# end: auto-generated types

	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		retention.clear_groups(days)
