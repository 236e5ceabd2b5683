"""A request for a virtual DocType's list, read off the arguments of whoever calls. Serves Frappe 15 to 17.

Callers: Desk's list, report and count (`frappe.desk.reportview`), everything that goes through `DatabaseQuery`
(`frappe.get_all`, REST, link search, group counts, export), and API v2 of Frappe 16.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import frappe
from frappe.utils import cint, cstr

from job_monitor.bridge.lists import filters, group_by, list_fields
from job_monitor.bridge.lists.filters import Filter
from job_monitor.bridge.lists.list_fields import Column

STANDARD_FIELDS = (
	*("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx"),
	*("_user_tags", "_comments", "_assign", "_liked_by", "_comment_count"),
)
_PAGE = 20
"""Rows of a page where the request does not say how many."""


@dataclass(frozen=True)
class ListRequest:
	"""One call of `get_list` or `get_count`.

	Attributes:
		filters: All of them match a row that is answered.
		or_filters: One of them does, if there are any.
		columns: Empty for whole rows, as Frappe's controllers answer.
		groups: Columns that rows are grouped by, if `is_grouped`.
		order: (field, descending); empty for the default order.
		length: Number of rows, None for all.
		from_program: Whether it came through `DatabaseQuery`, which cannot show that an answer is not whole.
		cursor: Where a search of Desk's list goes on.
	"""

	doctype: str
	filters: tuple[Filter, ...]
	or_filters: tuple[Filter, ...]
	columns: tuple[Column, ...]
	groups: tuple[Column, ...]
	order: tuple[tuple[str, bool], ...]
	start: int
	length: int | None
	as_list: bool
	pluck: str
	from_program: bool
	cursor: str

	def keeps(self, row: Mapping[str, Any]) -> bool:
		"""Whether a row matches all filters."""
		return all(f.fits_row(row) for f in self.filters) and (
			not self.or_filters or any(f.fits_row(row) for f in self.or_filters)
		)

	@property
	def is_grouped(self) -> bool:
		"""Whether it asks for groups, or for aggregates of all rows, in place of rows."""
		return bool(self.groups) or list_fields.is_grouped(self.columns)

	def newest_first(self) -> bool | None:
		"""Whether the newest come first; None where the order is not that of the last change."""
		if not self.order:
			return True
		field, descending = self.order[0]
		return descending if field == "modified" else None

	def fields(self) -> set[str]:
		"""Fields of rows that are shown, grouped, filtered or sorted by."""
		return {column.field for column in (*self.columns, *self.groups)} | self.judged_fields()

	def judged_fields(self) -> set[str]:
		"""Fields of rows that are filtered or sorted by."""
		return {f.fieldname for f in (*self.filters, *self.or_filters)} | {name for name, _ in self.order}


def permit(doctype: str, args: Any) -> None:
	"""Check the right to read, which Frappe does not do for lists of virtual DocTypes.

	`ignore_permissions` counts only where Frappe 15's `DatabaseQuery` set it: it alone passes a plain dict with flags, and
	has checked otherwise. Desk's requests come as `frappe._dict` and may carry anything. From 16.4 on Frappe does not pass
	it on, and the user's own right decides.

	Raises:
		frappe.PermissionError
	"""
	if type(args) is dict and (args.get("flags") or {}).get("ignore_permissions"):
		return
	frappe.has_permission(doctype, "read", throw=True)


def parse(doctype: str, args: Mapping[str, Any] | None, kwargs: Mapping[str, Any]) -> ListRequest:
	"""The request that the arguments of `get_list` or `get_count` make, after checking the right to read.

	Raises:
		frappe.PermissionError
		frappe.ValidationError: Bad filters, fields or order.
	"""
	permit(doctype, args)
	options = {**kwargs, **(args or {})}
	known = {field.fieldname for field in frappe.get_meta(doctype).fields} | set(STANDARD_FIELDS)
	from_program = type(args) is dict
	pluck = cstr(options.get("pluck") or "")
	columns = (Column(pluck, pluck),) if pluck else list_fields.columns(options.get("fields"), known)
	groups = options.get("group_by") or group_by.of_request(doctype)
	return ListRequest(
		doctype,
		tuple(filters.parse(options.get("filters"), known)),
		tuple(filters.parse(options.get("or_filters"), known)),
		columns,
		list_fields.groups(groups, columns, known),
		list_fields.order(options.get("order_by"), columns, known),
		start=max(0, cint(options.get("limit_start") or options.get("start"))),
		length=_length(options, from_program),
		as_list=bool(options.get("as_list")) and not pluck,
		pluck=pluck,
		from_program=from_program,
		cursor=cstr(options.get("cursor") or ""),
	)


def _length(options: Mapping[str, Any], from_program: bool) -> int | None:
	if not from_program:
		return cint(options.get("page_length") or options.get("limit")) or _PAGE
	length = max(0, cint(options.get("limit_page_length")))
	return None if not length or (length == _PAGE and _is_unlimited()) else length


def _is_unlimited() -> bool:
	"""Whether the caller set no limit, and Frappe put its 20 in place of it.

	From 16.4 on Frappe's list of a virtual DocType does so, and only its own frame keeps the caller's limit. Where that
	frame is not found, 20 counts as the caller's.
	"""
	frame = sys._getframe()
	while (caller := frame.f_back) is not None:
		frame = caller
		if frame.f_code.co_name == "_handle_virtual_doctype":
			limits = [
				frame.f_locals.get(name, _PAGE) for name in ("page_length", "limit", "limit_page_length")
			]
			return not any(limits)
	return False


def args_of_v2(args: Any) -> dict[str, Any] | None:
	"""Arguments of a list of API v2, read off the HTTP request, as it passes a query builder. None for other callers."""
	if args is None or isinstance(args, Mapping) or not hasattr(args, "run"):
		return None
	form = frappe.form_dict
	# One more than is shown says whether there is a next page
	length = (cint(form.get("limit")) or _PAGE) + 1
	names = ("fields", "filters", "order_by", "group_by")
	return {
		**{name: form.get(name) for name in names},
		"limit_start": cint(form.get("start")),
		"limit_page_length": length,
		"as_list": not cint(form.get("as_dict", 1)),
	}
