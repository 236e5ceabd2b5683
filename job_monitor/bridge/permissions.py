"""Roles of this app. System Manager has the rights of both."""

from __future__ import annotations

import frappe

USER = "Job Monitor User"
MANAGER = "Job Monitor Manager"

_MANAGERS = frozenset({MANAGER, "System Manager", "Administrator"})


def can_manage() -> bool:
	"""Whether the user may act on jobs."""
	return bool(_MANAGERS & set(frappe.get_roles()))


def only_managers() -> None:
	"""Refuse users who are no managers.

	Raises:
		frappe.PermissionError: The user may read, but not act.
	"""
	if not can_manage():
		frappe.throw(frappe._("Only managers of background jobs may do this."), frappe.PermissionError)
