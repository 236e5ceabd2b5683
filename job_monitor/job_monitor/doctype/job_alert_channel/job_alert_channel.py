"""Where alerts are sent. Sent by `notify.dispatch`, which also writes the read-only fields of each channel."""

from __future__ import annotations

from typing import Any

import frappe
from frappe import _
from frappe.model.document import Document

from job_monitor.bridge.markup import PlainText
from job_monitor.notify import recipients, url_guard
from job_monitor.notify.channels import webhook

_WRITTEN_BY_DISPATCH = ("status", "last_sent", "failures_in_a_row", "last_error")


class JobAlertChannel(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from job_monitor.job_monitor.doctype.job_alert_channel_role.job_alert_channel_role import (
			JobAlertChannelRole,
		)

		allow_private_addresses: DF.Check
		enabled: DF.Check
		failures_in_a_row: DF.Int
		goes_to: DF.Data | None
		kind: DF.Literal["Email", "Webhook", "Desk"]
		last_error: DF.SmallText | None
		last_sent: DF.Datetime | None
		minimum_severity: DF.Literal["Warning", "Critical"]
		recipients: DF.SmallText | None
		roles: DF.TableMultiSelect[JobAlertChannelRole]
		secret: DF.Password | None
		status: DF.Literal["", "OK", "Failing"]
		template: DF.Literal["JSON", "Slack", "Discord", "Teams"]
		title: DF.Data
		url: DF.Password | None
	# end: auto-generated types

	def validate(self) -> None:
		before = self.get_doc_before_save()
		self._keep_status(before)
		if self.kind == "Webhook":
			self.goes_to = self._validated_host(before)
		elif self.kind == "Email":
			addresses = recipients.addresses(self.recipients)
			self.goes_to = ", ".join(addresses)[:140] or _("Alert Recipients of the settings")
		else:
			self.goes_to = ", ".join(row.role for row in self.roles or ())[:140] or _("Managers")

	def _keep_status(self, before: Any) -> None:
		"""Keeps the fields that `dispatch` writes: neither an old form nor a request changes them."""
		for field in _WRITTEN_BY_DISPATCH:
			self.set(field, before.get(field) if before else None)

	def _validated_host(self, before: Any) -> str:
		if not self.url:
			frappe.throw(_("A webhook needs a URL."), frappe.MandatoryError)
		changed = not self.is_dummy_password(self.url)
		if (
			changed
			and before
			and before.allow_private_addresses
			and "System Manager" not in frappe.get_roles()
		):
			frappe.throw(
				_("Only a System Manager may change the URL of a channel that may use private addresses."),
				frappe.PermissionError,
			)
		url = self.url if changed else self.get_password("url", raise_exception=False)
		try:
			return url_guard.parse(url or "", webhook.may_be_private(self)).host[:140]
		except url_guard.AddressRefused as error:
			frappe.throw(str(error), title=_("URL of the Webhook"))
