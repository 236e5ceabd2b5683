"""One incident: a subject of a rule, from its first sighting until it is resolved. Written by `alerts` alone."""

from __future__ import annotations

from typing import Any

import frappe
from frappe.model.document import Document
from frappe.utils import add_days, now_datetime

from job_monitor.alerts import store
from job_monitor.bridge.markup import PlainText


class JobAlert(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from job_monitor.job_monitor.doctype.job_alert_flip.job_alert_flip import JobAlertFlip

		acknowledged_at: DF.Datetime | None
		acknowledged_by: DF.Data | None
		began_at: DF.Datetime | None
		context: DF.SmallText | None
		clear_since: DF.Datetime | None
		fired_at: DF.Datetime | None
		flips: DF.Table[JobAlertFlip]
		moments: DF.SmallText | None
		seen_at: DF.Datetime | None
		muted_until: DF.Datetime | None
		resolved_at: DF.Datetime | None
		rule: DF.Link | None
		seconds: DF.Duration | None
		severity: DF.Literal["Warning", "Critical"]
		state: DF.Literal["Pending", "Firing", "Resolved"]
		subject: DF.Data | None
		text: DF.SmallText | None
		title: DF.Data | None
		notified_at: DF.Datetime | None
		value: DF.Float
	# end: auto-generated types

	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		"""Delete alerts that were resolved so many days ago."""
		filters: dict[str, Any] = {
			"state": "Resolved",
			"resolved_at": ["<", add_days(now_datetime(), -days)],
		}
		while names := frappe.get_all("Job Alert", filters, pluck="name", limit=500):
			store.forget(names)
			frappe.db.commit()
