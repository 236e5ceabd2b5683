"""Search of Link fields among documents whose texts come from jobs.

Some fields of Frappe make HTML of the descriptions (15's Link, MultiSelectList and Autocomplete of both), 16's Link does
not. So the descriptions hold no markup, and nothing is escaped.
"""

from __future__ import annotations

from typing import Any

import frappe
from frappe.utils import cint, cstr

from job_monitor.core import limits

_NO_MARKUP = str.maketrans("<>", "‹›")


def search(doctype: str, text: str, start: int, length: int, filters: Any) -> list[tuple[str, str]]:
	"""Name and description of documents whose name, title or search fields hold the text.

	Raises:
		frappe.PermissionError, frappe.ValidationError: A filter that is none.
	"""
	meta = frappe.get_meta(doctype)
	fields = list(dict.fromkeys(filter(None, ("name", meta.title_field, *meta.get_search_fields()))))
	pattern = f"%{text[: limits.PATTERN_CHARS]}%"
	rows = frappe.get_list(
		doctype,
		filters=filters or None,
		or_filters=[[doctype, field, "like", pattern] for field in fields] if text else None,
		fields=fields,
		limit_start=cint(start),
		limit_page_length=cint(length) or 10,
	)
	return [(row.name, _description(row, fields)) for row in rows]


def _description(row: Any, fields: list[str]) -> str:
	text = ", ".join(dict.fromkeys(cstr(row[field]) for field in fields[1:] if row.get(field)))
	return text[: limits.PATTERN_CHARS].translate(_NO_MARKUP)
