"""Users and addresses that receive messages."""

from __future__ import annotations

import re
from collections.abc import Sequence

import frappe
from frappe.utils import validate_email_address

from job_monitor.bridge.permissions import MANAGER
from job_monitor.core import limits

DEFAULT_ROLES = ("System Manager", MANAGER)


def addresses(text: str | None) -> list[str]:
	"""Addresses in a text, separated by commas, semicolons, blanks or lines.

	Raises:
		frappe.InvalidEmailAddressError: One is no address.
		frappe.ValidationError: There are too many.
	"""
	found = list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", text or ""))))
	for address in found:
		validate_email_address(address, throw=True)
	if len(found) > limits.NOTIFY_PEOPLE:
		frappe.throw(frappe._("At most {0} addresses.").format(limits.NOTIFY_PEOPLE))
	return found


def recipients_of(addresses_of_channel: str | None) -> list[str]:
	"""A channel's own addresses, else those of the settings, else of the System Managers.

	Administrator's address is a placeholder on most sites, so it counts only where it is named.
	"""
	settings = frappe.db.get_single_value("Job Monitor Settings", "alert_recipients")
	managers = with_roles(["System Manager"])
	return (
		addresses(addresses_of_channel)
		or addresses(settings)
		or list(dict.fromkeys(email for user, email in managers if email and user != "Administrator"))
	)


def with_roles(roles: Sequence[str]) -> list[tuple[str, str]]:
	"""Name and address of the enabled users of Desk with one of these roles."""
	names = frappe.get_all("Has Role", {"role": ["in", list(roles)], "parenttype": "User"}, pluck="parent")
	users = frappe.get_all(
		"User",
		{"name": ["in", list(set(names) - {"Guest"})], "enabled": 1, "user_type": "System User"},
		["name", "email"],
		order_by="name",
		limit=limits.NOTIFY_PEOPLE,
	)
	return [(user.name, user.email) for user in users]
