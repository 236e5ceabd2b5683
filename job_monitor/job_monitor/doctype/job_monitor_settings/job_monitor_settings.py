"""Job Monitor Settings of this site."""

from __future__ import annotations

import frappe
from frappe.model.document import Document

from job_monitor.notify import recipients, url_guard
from job_monitor.notify.message import DeliveryError


class JobMonitorSettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		alert_recipients: DF.SmallText | None
		heartbeat_url: DF.Password | None
		log_every_run: DF.Check
	# end: auto-generated types

	def validate(self) -> None:
		recipients.addresses(self.alert_recipients)
		if self.heartbeat_url and not self.is_dummy_password(self.heartbeat_url):
			self._check_heartbeat()

	def _check_heartbeat(self) -> None:
		try:
			url_guard.parse(self.heartbeat_url, bool(frappe.conf.get("job_monitor_private_webhooks")))
		except DeliveryError as error:
			frappe.throw(str(error), title=frappe._("Heartbeat URL"))
