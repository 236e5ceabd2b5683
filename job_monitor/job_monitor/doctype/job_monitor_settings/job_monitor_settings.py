"""Settings of the job monitor on this site."""

from __future__ import annotations

from frappe.model.document import Document

from job_monitor.notify import people


class JobMonitorSettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		alert_recipients: DF.SmallText | None
		log_every_run: DF.Check
	# end: auto-generated types

	def validate(self) -> None:
		people.addresses(self.alert_recipients)
