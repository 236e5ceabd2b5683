"""What installing adds besides the app's own documents, and uninstalling takes away again."""

from __future__ import annotations

import frappe
from frappe.permissions import add_permission, reset_perms, update_permission_property

from job_monitor.alerts.default_rules import add_rules
from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.bridge.reports import safe_report
from job_monitor.bridge.site import live_site

READABLE = ("RQ Worker", "RQ Job", "Scheduled Job Log", "Scheduled Job Type")
_RIGHTS = ("report", "export")

SINGLES = ("Job Monitor Settings",)
SECRETS = ("Job Alert Channel", "Job Monitor Settings")
"""DocTypes of ours that have passwords."""

INDEXES = {
	"job_monitor_status_creation": ("status", "creation"),
	"job_monitor_type_creation": ("scheduled_job_type", "creation"),
}
"""Of Scheduled Job Log: "failed in the last hour" and "last runs of this type" without a scan."""


def after_install() -> None:
	for role in (USER, MANAGER):
		_add_role(role)
		for doctype in READABLE:
			_allow(doctype, role)
	add_indexes()
	add_channels()
	add_rules()
	live_site.look()


def after_migrate() -> None:
	safe_report.never_in_background()
	add_indexes()
	add_channels()
	add_rules()


def after_uninstall() -> None:
	"""Take back permissions, indexes, schedules, and what Frappe leaves of our documents.

	Columns of Scheduled Job Log stay, with what is in them, until `bench trim-tables`; roles, where somebody has them. A
	dry run calls this, too, and must change nothing.
	"""
	if "job_monitor" in frappe.get_installed_apps(_ensure_on_bench=False):
		return
	for doctype in READABLE:
		_forbid(doctype)
	_drop_schedules()
	_drop_rows()
	_drop_sidebars()
	_drop_indexes()
	for role in (USER, MANAGER):
		_drop_role(role)
	frappe.db.commit()


def add_indexes() -> None:
	for name, fields in INDEXES.items():
		frappe.db.add_index("Scheduled Job Log", list(fields), name)


def add_channels() -> None:
	"""Where a site has no channel at all, alerts reach its managers in Desk and by e-mail."""
	if frappe.db.count("Job Alert Channel"):
		return
	for title, kind in (("Desk", "Desk"), ("E-mail", "Email")):
		frappe.get_doc({"doctype": "Job Alert Channel", "title": title, "kind": kind}).insert(
			ignore_permissions=True
		)


def _drop_schedules() -> None:
	"""Frappe takes the schedules of an app away at the next migrate only; until then each run would fail."""
	for name in frappe.get_all("Scheduled Job Type", {"method": ["like", "job_monitor.%"]}, pluck="name"):
		frappe.delete_doc("Scheduled Job Type", name, force=True, ignore_permissions=True)


def _drop_rows() -> None:
	"""Frappe drops the tables of an app, but neither its settings nor its passwords, nor which of its patches ran."""
	for doctype in SINGLES:
		frappe.db.delete("Singles", {"doctype": doctype})
	frappe.db.delete("__Auth", {"doctype": ["in", SECRETS]})
	frappe.db.delete("Patch Log", {"patch": ["like", "job_monitor.%"]})


def _drop_sidebars() -> None:
	"""Frappe 16 leaves an app's sidebar and its users' copies, and its next migrate looks for the app that they name."""
	if not frappe.db.exists("DocType", "Workspace Sidebar"):
		return
	for name in frappe.get_all("Workspace Sidebar", {"app": "job_monitor"}, pluck="name"):
		# on_trash deletes the app's file where the bench is a developer's
		frappe.delete_doc(
			"Workspace Sidebar", name, force=True, ignore_permissions=True, ignore_on_trash=True
		)


def _drop_role(role: str) -> None:
	"""Unless somebody has it, or it allows something beyond this app."""
	had = frappe.db.exists("Has Role", {"role": role, "parent": ["!=", "Administrator"]})
	allows = any(frappe.db.exists(kind, {"role": role}) for kind in ("DocPerm", "Custom DocPerm"))
	if frappe.db.exists("Role", role) and not had and not allows:
		frappe.delete_doc("Role", role, ignore_permissions=True, force=True)


def _drop_indexes() -> None:
	table = "tabScheduled Job Log"
	for name in INDEXES:
		if not frappe.db.has_index(table, name):
			continue
		frappe.db.commit()
		if frappe.db.db_type == "mariadb":
			frappe.db.sql_ddl(f"ALTER TABLE `{table}` DROP INDEX `{name}`")
		else:
			frappe.db.sql_ddl(f'DROP INDEX "{name}"')


def _add_role(role: str) -> None:
	if not frappe.db.exists("Role", role):
		frappe.get_doc({"doctype": "Role", "role_name": role, "desk_access": 1}).insert(
			ignore_permissions=True
		)


def _allow(doctype: str, role: str) -> None:
	if frappe.db.exists("Custom DocPerm", {"parent": doctype, "role": role}):
		return
	add_permission(doctype, role)
	for right in _RIGHTS:
		update_permission_property(doctype, role, 0, right, 1, validate=False)


def _forbid(doctype: str) -> None:
	"""Remove our roles; where nothing but Frappe's own permissions is left, go back to those."""
	frappe.db.delete("Custom DocPerm", {"parent": doctype, "role": ["in", (USER, MANAGER)]})
	if _rules("Custom DocPerm", doctype) == _rules("DocPerm", doctype):
		reset_perms(doctype)
	frappe.clear_cache(doctype=doctype)


def _rules(kind: str, doctype: str) -> list[tuple[object, ...]]:
	fields = ["role", "permlevel", "if_owner", *frappe.permissions.rights]
	known = set(frappe.get_meta(kind).get_valid_columns())
	return sorted(
		tuple(row[f] for f in fields if f in known)
		for row in frappe.get_all(kind, {"parent": doctype}, [f for f in fields if f in known])
	)
