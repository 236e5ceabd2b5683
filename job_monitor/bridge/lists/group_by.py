"""Group By in Desk's lists: Frappe reads it off tables, which virtual DocTypes do not have."""

from __future__ import annotations

import re
from typing import Any

import frappe

from job_monitor.bridge.lists.overridden import overridden

VIRTUAL = ("RQ Job", "RQ Worker")
_FUNCTIONS = ("count", "sum", "avg")


def move_into_fields(form: Any) -> None:
	"""Write the aggregate of a report view's Group By as one of the list's fields, which Frappe looks up in no table.

	A request that is none of Group By is left for Frappe to refuse.
	"""
	function, field = str(form.get("aggregate_function")).lower(), str(form.get("aggregate_on_field"))
	if form.get("doctype") not in VIRTUAL or function not in _FUNCTIONS or not re.fullmatch(r"\w+", field):
		return
	fields = frappe.parse_json(form.get("fields") or "[]")
	# In small letters Frappe's export takes it for a function
	fields.append(f"{function}(`tab{form.doctype}`.`{field}`) as _aggregate_column")
	form.fields = frappe.as_json(fields)
	for name in ("aggregate_function", "aggregate_on_field", "aggregate_on_doctype"):
		form.pop(name, None)


def of_request(doctype: str) -> str:
	"""`group_by` of the HTTP request, which Frappe does not pass on to a controller from 16.4 on; "" if it has none."""
	if not frappe.request or frappe.form_dict.get("doctype") != doctype:
		return ""
	return str(frappe.form_dict.get("group_by") or "")


def counts(doctype: str, current_filters: str, field: str) -> list[Any]:
	"""Group counts for a list's sidebar, as Frappe answers them. Jobs and workers are assigned to nobody: no join."""
	if doctype in VIRTUAL and field == "assigned_to":
		frappe.has_permission(doctype, "read", throw=True)
		return []
	answer: list[Any] = overridden("frappe.desk.listview.get_group_by_count")(doctype, current_filters, field)
	return answer
