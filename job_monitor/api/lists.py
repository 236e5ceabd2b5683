"""Stands for endpoints of Frappe's lists where they cannot answer for virtual DocTypes."""

from typing import Any

import frappe

from job_monitor.bridge.lists import group_counts


@frappe.whitelist()
def get_group_by_count(doctype: str, current_filters: str, field: str) -> list[Any]:
	"""As Frappe's `frappe.desk.listview.get_group_by_count`, which it calls."""
	return group_counts.counts(doctype, current_filters, field)
