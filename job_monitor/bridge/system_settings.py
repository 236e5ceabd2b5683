"""Single values of System Settings.

Frappe's `get_system_settings` makes a document of all of them. The sweep of each minute needs some, and its work-horse would
import Frappe's documents anew for that.
"""

from __future__ import annotations

import frappe


def get(field: str) -> str | None:
	"""A value as the database has it now, None if it has none. One query."""
	query = "select value from `tabSingles` where doctype = 'System Settings' and field = %s"
	rows = frappe.db.sql(query, field)
	return rows[0][0] if rows else None
