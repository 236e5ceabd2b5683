"""What a caller of a virtual DocType's list asks for, and rows in the shape it wants. Serves Frappe 15 to 17.

Callers: Desk's list, report and count (`frappe.desk.reportview`), everything that goes through `DatabaseQuery`
(`frappe.get_all`, REST, link search, group counts, export), and API v2 of Frappe 16.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import frappe
from frappe.utils import cint, cstr

from job_monitor.bridge.lists import group_counts, list_fields
from job_monitor.bridge.lists.filters import Condition, read
from job_monitor.bridge.lists.list_fields import Column

Row = frappe._dict

STANDARD_FIELDS = (
	*("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx"),
	*("_user_tags", "_comments", "_assign", "_liked_by", "_comment_count"),
)
_PAGE = 20
"""Rows where a page is asked for without its length."""


@dataclass(frozen=True)
class ListRequest:
	"""One call of `get_list` or `get_count`.

	Attributes:
		all_of, any_of: Conditions.
		columns: None means whole rows, as Frappe's controllers answer.
		groups: What rows are put together by, if `is_grouped`.
		order: (field, descending); none means the default order.
		length: Rows wanted, None for all.
		from_program: Came through `DatabaseQuery`, which has no way to show that an answer is not whole.
	"""

	doctype: str
	all_of: tuple[Condition, ...]
	any_of: tuple[Condition, ...]
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
		"""Whether a row matches all conditions."""
		return all(condition.fits_row(row) for condition in self.all_of) and (
			not self.any_of or any(condition.fits_row(row) for condition in self.any_of)
		)

	@property
	def is_grouped(self) -> bool:
		return bool(self.groups) or list_fields.is_grouped(self.columns)

	def only_newest_first(self) -> bool | None:
		"""True or False if the order is that of the last change, newest or oldest first; None if another."""
		if not self.order:
			return True
		field, descending = self.order[0]
		return descending if field == "modified" else None

	def fields(self) -> set[str]:
		"""Fields of rows that are shown, grouped, judged or sorted by."""
		named = {column.field for column in (*self.columns, *self.groups)}
		return named | {c.fieldname for c in (*self.all_of, *self.any_of)} | {name for name, _ in self.order}


def permit(doctype: str, args: Any) -> None:
	"""Check read permission, which Frappe does not do for the lists of virtual DocTypes.

	`ignore_permissions` counts only where Frappe 15's `DatabaseQuery` set it: it alone passes a plain dict with flags, and
	has checked otherwise. Desk's requests come as `frappe._dict` and may carry anything. From 16.4 on Frappe does not pass
	it on, and the user's own right decides.

	Raises:
		frappe.PermissionError
	"""
	if type(args) is dict and (args.get("flags") or {}).get("ignore_permissions"):
		return
	frappe.has_permission(doctype, "read", throw=True)


def request(doctype: str, args: Mapping[str, Any] | None, kwargs: Mapping[str, Any]) -> ListRequest:
	"""Read a call's arguments, after checking permission.

	Raises:
		frappe.PermissionError
		frappe.ValidationError: Bad filters, fields or order.
	"""
	permit(doctype, args)
	given = {**kwargs, **(args or {})}
	known = {field.fieldname for field in frappe.get_meta(doctype).fields} | set(STANDARD_FIELDS)
	from_program = type(args) is dict
	pluck = cstr(given.get("pluck") or "")
	columns = (Column(pluck, pluck),) if pluck else list_fields.columns(given.get("fields"), known)
	group_by = given.get("group_by") or group_counts.group_by_of_request(doctype)
	return ListRequest(
		doctype,
		tuple(read(given.get("filters"), known)),
		tuple(read(given.get("or_filters"), known)),
		columns,
		list_fields.groups(group_by, columns, known),
		list_fields.order(given.get("order_by"), columns, known),
		start=max(0, cint(given.get("limit_start") or given.get("start"))),
		length=_length(given, from_program),
		as_list=bool(given.get("as_list")) and not pluck,
		pluck=pluck,
		from_program=from_program,
		cursor=cstr(given.get("cursor") or ""),
	)


def _length(given: Mapping[str, Any], from_program: bool) -> int | None:
	if not from_program:
		return cint(given.get("page_length") or given.get("limit")) or _PAGE
	length = max(0, cint(given.get("limit_page_length")))
	return None if not length or (length == _PAGE and _no_limit_was_given()) else length


def _no_limit_was_given() -> bool:
	"""Whether Frappe put its 20 in the place of "all".

	From 16.4 on its list of a virtual DocType does so and keeps nothing of what the caller gave, but in its own frame.
	Where that is not found, 20 is taken for what was asked.
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


def sort(rows: list[Row], order: Sequence[tuple[str, bool]]) -> None:
	"""Sort in place; rows without a value come first in ascending order, as in MariaDB."""
	for field, descending in reversed(order):
		rows.sort(key=_sort_key(field), reverse=descending)


def _sort_key(field: str) -> Callable[[Row], tuple[int, Any]]:
	def key(row: Row) -> tuple[int, Any]:
		value = row.get(field)
		if value in (None, ""):
			return (0, 0)
		if isinstance(value, (int, float)):
			return (1, value)
		return (2, value.timestamp() if isinstance(value, datetime) else cstr(value).casefold())

	return key


def shape(asked: ListRequest, rows: Iterable[Row]) -> list[Any]:
	"""Rows as dicts, lists in the order of the fields, or single values."""
	if asked.pluck:
		return [row.get(asked.pluck) for row in rows]
	if asked.as_list:
		fields = [column.field for column in asked.columns] or ["name"]
		return [[row.get(field) for field in fields] for row in rows]
	if not asked.columns:
		return list(rows)
	always = [("name", "name")] if asked.from_program else [("name", "name"), ("_comment_count",) * 2]
	named = [*always, *((column.field, column.name) for column in asked.columns)]
	return [Row({name: row.get(field) for field, name in named}) for row in rows]


def grouped(asked: ListRequest, rows: Iterable[Row]) -> list[Any]:
	"""One row for each group: the largest first, unless another order is asked for."""
	members: dict[tuple[Any, ...], list[Row]] = {}
	for row in rows:
		members.setdefault(tuple(row.get(group.field) for group in asked.groups), []).append(row)
	if not members and not asked.groups:
		members[()] = []
	return shape_groups(asked, ((of, {}) for of in members.values()))


def shape_groups(asked: ListRequest, groups: Iterable[tuple[Sequence[Row], Mapping[str, int]]]) -> list[Any]:
	"""
	Args:
		groups: Rows of a group, and how many there are of it where not all were read.
	"""
	columns = asked.columns or (*asked.groups, Column("*", "count", "count"))
	found = [Row({c.name: _value(c, rows, counted) for c in columns}) for rows, counted in groups]
	sort(found, asked.order or [(c.name, True) for c in columns if c.aggregate == "count"])
	end = None if asked.length is None else asked.start + asked.length
	found = found[asked.start : end]
	return [list(row.values()) for row in found] if asked.as_list else found


def _value(column: Column, rows: Sequence[Row], counted: Mapping[str, int]) -> Any:
	if not column.aggregate:
		return rows[0].get(column.field) if rows else None
	if column.aggregate == "count":
		return counted.get("count", len(rows))
	values = [row.get(column.field) for row in rows if row.get(column.field) is not None]
	if not values:
		return None
	total = {"sum": sum, "min": min, "max": max, "avg": lambda some: sum(some) / len(some)}[column.aggregate]
	return total(values)  # type: ignore[operator]


class Runnable:
	"""What API v2 of Frappe 16 wants back from `get_list`: a query that it runs."""

	def __init__(self, rows: list[Any]) -> None:
		self.rows = rows

	def run(self, **_how: Any) -> list[Any]:
		return self.rows


def args_of_v2(args: Any) -> dict[str, Any] | None:
	"""Arguments of a list of API v2, which passes a query builder: they are read off the request. None for other callers."""
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
