"""What Desk's lists ask Frappe for in ways that need a table, which virtual DocTypes have not."""

from __future__ import annotations

import re
from typing import Any

import frappe

from job_monitor.bridge.lists.endpoints import beneath

VIRTUAL = ("RQ Job", "RQ Worker")
_FUNCTIONS = ("count", "sum", "avg")


def put_among_fields(form: Any) -> None:
	"""Report view's Group By: Frappe looks its field up in the table. As one of the list's fields, it is not looked up.

	What is no such request is left for Frappe to refuse.
	"""
	function, field = str(form.get("aggregate_function")).lower(), str(form.get("aggregate_on_field"))
	if form.get("doctype") not in VIRTUAL or function not in _FUNCTIONS or not re.fullmatch(r"\w+", field):
		return
	fields = frappe.parse_json(form.get("fields") or "[]")
	# Small letters: so Frappe's export knows it for a function
	fields.append(f"{function}(`tab{form.doctype}`.`{field}`) as _aggregate_column")
	form.fields = frappe.as_json(fields)
	for name in ("aggregate_function", "aggregate_on_field", "aggregate_on_doctype"):
		form.pop(name, None)


def group_by_of_request(doctype: str) -> str:
	"""From 16.4 on Frappe does not pass it on to a controller."""
	if not frappe.request or frappe.form_dict.get("doctype") != doctype:
		return ""
	return str(frappe.form_dict.get("group_by") or "")


def counts(doctype: str, current_filters: str, field: str) -> list[Any]:
	"""Frappe's group counts of a list. Jobs and workers are assigned to nobody, where Frappe would join a table."""
	if doctype in VIRTUAL and field == "assigned_to":
		frappe.has_permission(doctype, "read", throw=True)
		return []
	answer: list[Any] = beneath("frappe.desk.listview.get_group_by_count")(doctype, current_filters, field)
	return answer
