"""Job Monitor Audit: who did what with the job monitor. Written by `bridge.audit`, never edited."""

from __future__ import annotations

import frappe
from frappe.model.document import Document
from frappe.utils import add_days, now_datetime

from job_monitor.bridge.markup import PlainText


class JobMonitorAudit(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		action: DF.Data
		done: DF.Check
		method: DF.Data | None
		outcome: DF.SmallText | None
		subject: DF.Data | None
		subject_type: DF.Data | None
		user: DF.Link | None
	# end: auto-generated types

	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		frappe.db.delete("Job Monitor Audit", {"creation": ["<", add_days(now_datetime(), -days)]})
