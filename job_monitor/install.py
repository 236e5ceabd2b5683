"""Adds permissions, indexes, channels and rules on installing, and removes them on uninstalling."""

from __future__ import annotations

import frappe
from frappe.permissions import reset_perms

from job_monitor.alerts.default_rules import add_rules
from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.bridge.reports import safe_report
from job_monitor.bridge.site import default_permissions, live_site

SINGLES = ("Job Monitor Settings",)
SECRETS = ("Job Alert Channel", "Job Monitor Settings")
"""Our DocTypes that have passwords."""

INDEXES = {
	"job_monitor_status_creation": ("status", "creation"),
	"job_monitor_type_creation": ("scheduled_job_type", "creation"),
}
"""Of Scheduled Job Log: "failed in the last hour" and "last runs of this type" without a scan."""


def after_install() -> None:
	"""Add the roles and their permissions, indexes, default channels and rules, and note the site as live."""
	for role in (USER, MANAGER):
		_add_role(role)
	default_permissions.grant()
	add_indexes()
	add_channels()
	add_rules()
	live_site.may_notify()  # notes this place as the live one


def after_migrate() -> None:
	"""Add what a release has added."""
	safe_report.never_in_background()
	default_permissions.grant()
	add_indexes()
	add_channels()
	add_rules()


def after_uninstall() -> None:
	"""Remove permissions, indexes, schedules, and rows of our documents that Frappe leaves.

	Columns of Scheduled Job Log stay, with their values, until `bench trim-tables`; roles stay if a user has them. A dry
	run calls this, too, and must change nothing.
	"""
	if "job_monitor" in frappe.get_installed_apps(_ensure_on_bench=False):
		return
	for doctype in default_permissions.GRANTS:
		_forbid(doctype)
	_drop_schedules()
	_drop_rows()
	_drop_sidebars()
	_drop_indexes()
	for role in (USER, MANAGER):
		_drop_role(role)
	frappe.db.commit()


def add_indexes() -> None:
	"""Add the indexes that are not there yet."""
	for name, fields in INDEXES.items():
		frappe.db.add_index("Scheduled Job Log", list(fields), name)


def add_channels() -> None:
	"""Add channels to the managers in Desk and by e-mail, if the site has no channel."""
	if frappe.db.count("Job Alert Channel"):
		return
	for title, kind in (("Desk", "Desk"), ("E-mail", "Email")):
		frappe.get_doc({"doctype": "Job Alert Channel", "title": title, "kind": kind}).insert(
			ignore_permissions=True
		)


def _drop_schedules() -> None:
	"""Delete our schedules: Frappe does so at the next migrate only, and until then each run would fail."""
	for name in frappe.get_all("Scheduled Job Type", {"method": ["like", "job_monitor.%"]}, pluck="name"):
		frappe.delete_doc("Scheduled Job Type", name, force=True, ignore_permissions=True)


def _drop_rows() -> None:
	"""Delete settings, passwords and the log of patches: of an app, Frappe drops the tables only."""
	for doctype in SINGLES:
		frappe.db.delete("Singles", {"doctype": doctype})
	frappe.db.delete("__Auth", {"doctype": ["in", SECRETS]})
	frappe.db.delete("Patch Log", {"patch": ["like", "job_monitor.%"]})


def _drop_sidebars() -> None:
	"""Delete our sidebar and its users' copies: Frappe 16 leaves them, and its next migrate looks for their app."""
	if not frappe.db.exists("DocType", "Workspace Sidebar"):
		return
	for name in frappe.get_all("Workspace Sidebar", {"app": "job_monitor"}, pluck="name"):
		# on_trash deletes the app's file where the bench is a developer's
		frappe.delete_doc(
			"Workspace Sidebar", name, force=True, ignore_permissions=True, ignore_on_trash=True
		)


def _drop_role(role: str) -> None:
	"""Delete a role, unless a user has it, or it has permissions beyond this app."""
	is_assigned = frappe.db.exists("Has Role", {"role": role, "parent": ["!=", "Administrator"]})
	has_permissions = any(frappe.db.exists(kind, {"role": role}) for kind in ("DocPerm", "Custom DocPerm"))
	if frappe.db.exists("Role", role) and not is_assigned and not has_permissions:
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


def _forbid(doctype: str) -> None:
	"""Remove our roles' permissions. If only Frappe's own are left, the DocType has no custom ones any more."""
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
