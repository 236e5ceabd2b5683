"""Search of Link fields, see `standard_queries` in hooks.py."""

from typing import Any

import frappe

from job_monitor.bridge.lists import link_search


@frappe.whitelist()
def search(
	doctype: str,
	txt: str,
	searchfield: str,
	start: int,
	page_length: int,
	filters: dict[str, Any] | list[Any] | str | None = None,
	as_dict: bool = False,
	**_more: Any,
) -> list[tuple[str, str]]:
	"""Name and description of jobs, workers or groups of failures that match, as Frappe's own search answers."""
	return link_search.search(doctype, txt, start, page_length, filters)
