"""Endpoints that override those of Frappe's lists which cannot answer for virtual DocTypes."""

from typing import Any

import frappe

from job_monitor.bridge.lists import group_by


@frappe.whitelist()
def get_group_by_count(doctype: str, current_filters: str, field: str) -> list[Any]:
	"""Overrides `frappe.desk.listview.get_group_by_count`, and answers as it does."""
	return group_by.counts(doctype, current_filters, field)
