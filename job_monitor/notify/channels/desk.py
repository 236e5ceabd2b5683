"""Frappe's notifications, under the bell of Desk. Frappe sends no e-mail by those of type "Alert"."""

from __future__ import annotations

from typing import Any

import frappe

from job_monitor.bridge.markup import as_html
from job_monitor.notify import recipients, render
from job_monitor.notify.message import DeliveryError, Message

_TEXT_CHARS = 10_000
_LINK_CHARS = 140
"""Of Notification Log's field."""


def deliver(channel: Any, message: Message) -> str:
	"""Insert notifications. Returns the users' names. An open Desk shows them when the transaction commits.

	Raises:
		DeliveryError: There are no such users.
	"""
	# A controller, and with it all of `frappe.model.document`, which only a process that sends needs
	from frappe.desk.doctype.notification_settings.notification_settings import is_notifications_enabled

	roles = [row.role for row in channel.roles] or recipients.DEFAULT_ROLES
	users = [user for user, _ in recipients.with_roles(roles) if is_notifications_enabled(user)]
	if not users:
		raise DeliveryError(frappe._("Nobody who has one of the roles takes notifications."), permanent=True)
	link = message.url.removeprefix(frappe.utils.get_url())
	for user in users:
		frappe.get_doc(
			{
				"doctype": "Notification Log",
				"for_user": user,
				"from_user": "Administrator",
				"type": "Alert",
				"subject": as_html(render.headline(message, frappe._), _TEXT_CHARS),
				"email_content": as_html(message.text, _TEXT_CHARS).replace("\n", "<br>"),
				"link": link if len(link) <= _LINK_CHARS else "",
			}
		).insert(ignore_permissions=True)
	return ", ".join(users)
