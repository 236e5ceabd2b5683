"""Job Alert Rule and Job Alert: fields called by the words of Prometheus and Grafana.

Runs before Frappe syncs the tables, so that the columns are renamed with what they hold, and no empty ones are made
beside them. What a site says about the fields (customizations, filters, reports, scripts of these DocTypes) follows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import frappe

RENAMED = {
	"Job Alert Rule": {"sustain_minutes": "pending_period", "remind_hours": "repeat_interval"},
	"Job Alert": {"told_at": "notified_at", "fine_since": "clear_since"},
}
"""New names of fields by old ones, by DocType."""

NAMED_IN = (
	("Property Setter", "doc_type", ("field_name", "value")),
	("Custom Field", "dt", ("insert_after", "depends_on", "mandatory_depends_on", "read_only_depends_on")),
	("Report", "ref_doctype", ("json", "query", "javascript", "report_script")),
	("List View Settings", "name", ("fields",)),
	("List Filter", "reference_doctype", ("filters",)),
	("Kanban Board", "reference_doctype", ("filters", "fields")),
	("Calendar View", "reference_doctype", ("start_date_field", "end_date_field")),
	("Number Card", "document_type", ("filters_json", "dynamic_filters_json", "aggregate_function_based_on")),
	(
		"Dashboard Chart",
		"document_type",
		("filters_json", "dynamic_filters_json", "based_on", "value_based_on", "aggregate_function_based_on"),
	),
	("Workspace Shortcut", "link_to", ("stats_filter",)),
	("Workspace Quick List", "document_type", ("quick_list_filter",)),
	(
		"Notification",
		"document_type",
		("subject", "message", "condition", "filters", "date_changed", "datetime_changed", "value_changed"),
	),
	("Webhook", "webhook_doctype", ("condition", "webhook_json")),
	("Client Script", "dt", ("script",)),
	("Server Script", "reference_doctype", ("script",)),
	("Version", "ref_doctype", ("data",)),
)
"""Records that name fields of a DocType: their own DocType, the column with the DocType they are about, and the columns
in which the names stand."""


def execute() -> None:
	"""Can run again: where it was interrupted, or where the site never had the old names."""
	for doctype, renamed in RENAMED.items():
		if not frappe.db.table_exists(doctype):
			continue
		for old, new in renamed.items():
			_rename_column(doctype, old, new)
		names = _Names(renamed)
		for named_in, about, columns in NAMED_IN:
			_rename_in_records(named_in, {about: doctype}, columns, names)
		_rename_in_user_settings(doctype, names)
		frappe.clear_cache(doctype=doctype)
	_rename_in_moments()


class _Names:
	"""Replaces old names, as whole words, in texts of any kind: JSON, SQL, conditions, scripts."""

	def __init__(self, renamed: Mapping[str, str]) -> None:
		self.renamed = renamed
		self.pattern = re.compile(rf"\b({'|'.join(renamed)})\b")

	def replaced(self, text: str) -> str:
		return self.pattern.sub(lambda found: self.renamed[found[1]], text)


def _rename_column(doctype: str, old: str, new: str) -> None:
	columns = _columns(doctype)
	if old not in columns:
		return
	if new in columns:  # somebody reloaded the DocType before migrate
		frappe.db.sql(f"update `tab{doctype}` set `{new}` = `{old}`")
		frappe.db.sql_ddl(f"alter table `tab{doctype}` drop column `{old}`")
	else:
		# Frappe's `rename_column` loses the column's default on MariaDB
		frappe.db.sql_ddl(f"alter table `tab{doctype}` rename column `{old}` to `{new}`")


def _columns(doctype: str) -> set[str]:
	"""As the database has them: Frappe's cache may be of another release."""
	frappe.db.sql(f"select * from `tab{doctype}` where 1 = 0")
	return {column[0] for column in frappe.db.get_description()}


def _rename_in_records(
	doctype: str, filters: Mapping[str, str], columns: tuple[str, ...], names: _Names
) -> None:
	if not frappe.db.table_exists(doctype):
		return
	known = [column for column in columns if column in _columns(doctype)]
	for row in frappe.get_all(doctype, filters, ["name", *known]):
		changed = {column: names.replaced(row[column]) for column in known if row[column]}
		changed = {column: text for column, text in changed.items() if text != row[column]}
		if changed:
			frappe.db.set_value(doctype, row.name, changed, update_modified=False)


def _rename_in_user_settings(doctype: str, names: _Names) -> None:
	"""Filters, columns and sorting that users left a list with: in the database, and newer ones on Redis."""
	query = "select user, data from `__UserSettings` where doctype = %s"
	for user, data in frappe.db.sql(query, doctype):
		if data and (text := names.replaced(data)) != data:
			update = "update `__UserSettings` set data = %s where user = %s and doctype = %s"
			frappe.db.sql(update, (text, user, doctype))
	for key, data in frappe.cache.hgetall("_user_settings").items():
		key = key.decode() if isinstance(key, bytes) else key
		if key.startswith(f"{doctype}::") and data and (text := names.replaced(data)) != data:
			frappe.cache.hset("_user_settings", key, text)


def _rename_in_moments() -> None:
	"""Moments in UTC by name, as JSON. A release before them had no such column."""
	doctype = "Job Alert"
	if not frappe.db.table_exists(doctype) or "moments" not in _columns(doctype):
		return
	for old, new in RENAMED[doctype].items():
		query = f"update `tab{doctype}` set moments = replace(moments, %s, %s) where moments like %s"
		frappe.db.sql(query, (f'"{old}"', f'"{new}"', f'%"{old}"%'))
