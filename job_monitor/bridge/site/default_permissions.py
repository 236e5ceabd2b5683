"""Rights of our roles on Frappe's DocTypes: each is granted to a site once, so that a right that was taken stays away."""

from __future__ import annotations

import json

import frappe
from frappe.permissions import add_permission, update_permission_property

from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.bridge.site import state

GRANTS: dict[str, tuple[str, ...]] = {
	"RQ Worker": ("read", "report", "export"),
	"RQ Job": ("read", "report", "export"),
	"Scheduled Job Log": ("read", "report", "export"),
	"Scheduled Job Type": ("read", "report", "export"),
}
"""What both roles may, by Frappe's DocType; "read" first, as a role without it has no other right. One that is added here
reaches each site at its next migrate."""

OFFERED = "default permissions"


def grant() -> None:
	"""Grant the rights that this site was not offered before. The caller commits."""
	offered = {(doctype, role, right) for doctype, role, right in json.loads(state.get(OFFERED) or "[]")}
	rights = [
		(doctype, role, right)
		for doctype, names in GRANTS.items()
		for role in (USER, MANAGER)
		for right in names
	]
	for doctype, role, right in rights:
		if (doctype, role, right) not in offered:
			_allow(doctype, role, right)
	note_offered(offered.union(rights))


def note_offered(rights: set[tuple[str, str, str]]) -> None:
	"""Note DocType, role and right of what is not to be granted again. The caller commits."""
	state.put(OFFERED, json.dumps(sorted(rights)))


def _allow(doctype: str, role: str, right: str) -> None:
	row = {"parent": doctype, "role": role, "permlevel": 0, "if_owner": 0}
	if frappe.db.exists("Custom DocPerm", row):
		update_permission_property(doctype, role, 0, right, 1, validate=False)
		frappe.clear_cache(doctype=doctype)
	elif right == "read":
		add_permission(doctype, role)
		# Frappe's default for a new row
		update_permission_property(doctype, role, 0, "export", 0, validate=False)
