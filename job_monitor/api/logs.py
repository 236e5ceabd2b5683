"""Log files of the bench, for managers. They hold lines of every site of the bench."""

from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.bridge import log_files


@frappe.whitelist()
@rate_limit(limit=120, seconds=60)
def get_files() -> list[dict[str, Any]]:
	"""Known logs: `{"name", "about", "size" (bytes), "changed_at", "note"}`, also those that do not exist."""
	return log_files.files()


@frappe.whitelist(methods=["POST"])  # a GET would not commit the audit
@rate_limit(limit=600, seconds=60)
def read(
	name: str, records: int = 100, text: str = "", level: str = "", older: str = "", newer: str = ""
) -> dict[str, Any]:
	"""Entries of one known log, oldest first: the newest, those before `older`, or those since `newer`.

	Returns:
		`{"records": [{"key", "at", "level", "text"}], "older", "newer": cursors, "note"}`. Opening a log is audited.
	"""
	return log_files.read(name, records, text, level, older, newer)
