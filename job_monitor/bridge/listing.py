"""What a caller of a virtual DocType's list asks for, and rows in the shape it wants. Serves Frappe 15 and 16.

Callers: Desk's list, report and count (`frappe.desk.reportview`), and everything that goes through
`DatabaseQuery`: `frappe.get_all`, REST, link search, export.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, cstr

from job_monitor.bridge.conditions import Condition, read

Row = frappe._dict

STANDARD_FIELDS = (
	*("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx"),
	*("_user_tags", "_comments", "_assign", "_liked_by", "_comment_count"),
)
_DEFAULT_ORDER = "KEEP_DEFAULT_ORDERING"
_FIELD = re.compile(r"(?:`?tab[^`.]+`?\.)?`?(\w+)`?(?:\s+as\s+[`'\"]?(\w+)[`'\"]?)?", re.IGNORECASE)
_AGGREGATE = re.compile(r"\b(?:count|sum|avg|min|max)\s*\(", re.IGNORECASE)
_RELEVANCE = re.compile(r".*_relevance`?|ifnull\(_relevance, -9999\) desc|\d+ desc nulls last", re.DOTALL)
"""What link search adds to fields and order, in SQL: how early a name holds the text. It sorts again by itself."""

_ORDER = re.compile(rf"({_FIELD.pattern})(?:\s+(asc|desc))?", re.IGNORECASE)
_COMMA = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True)
class ListRequest:
	"""One call of `get_list` or `get_count`.

	Attributes:
		all_of, any_of: Conditions.
		columns: (field, name in the answer); none means whole rows, as core's controllers answer.
		order: (field, descending); none means the default order.
		length: Rows wanted, None for all.
		from_program: Came through `DatabaseQuery`, which has no way to show that an answer is not whole.
		aggregates: Asks for counts or groups, of which a virtual DocType has none.
	"""

	doctype: str
	all_of: tuple[Condition, ...]
	any_of: tuple[Condition, ...]
	columns: tuple[tuple[str, str], ...]
	order: tuple[tuple[str, bool], ...]
	start: int
	length: int | None
	as_list: bool
	pluck: str
	from_program: bool
	aggregates: bool
	cursor: str

	def keeps(self, row: Mapping[str, Any]) -> bool:
		"""Whether a row matches all conditions."""
		return all(c.fits(row.get(c.fieldname)) for c in self.all_of) and (
			not self.any_of or any(c.fits(row.get(c.fieldname)) for c in self.any_of)
		)

	def only_newest_first(self) -> bool | None:
		"""True or False if the order is that of the last change, newest or oldest first; None if another."""
		if not self.order:
			return True
		field, descending = self.order[0]
		return descending if field == "modified" else None


def permit(doctype: str, args: Any) -> None:
	"""Check read permission, which Frappe does not do for the lists of virtual DocTypes.

	`ignore_permissions` counts only where `DatabaseQuery` set it: it alone passes a plain dict, and has checked
	otherwise. Desk's requests come as `frappe._dict` and may carry anything.

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
	fields = _fields(given.get("fields"))
	pluck = cstr(given.get("pluck") or "")
	aggregates = bool(given.get("group_by")) or any(map(_AGGREGATE.search, fields))
	columns = () if aggregates else _columns(fields, pluck, known)
	length = (
		given.get("limit_page_length") if from_program else given.get("page_length") or given.get("limit")
	)
	return ListRequest(
		doctype,
		tuple(read(given.get("filters"), known)),
		tuple(read(given.get("or_filters"), known)),
		columns,
		_order(given.get("order_by"), known),
		start=max(0, cint(given.get("limit_start") or given.get("start"))),
		length=max(0, cint(length)) or (None if from_program else 20),
		as_list=bool(given.get("as_list")) and not pluck,
		pluck=pluck,
		from_program=from_program,
		aggregates=aggregates,
		cursor=cstr(given.get("cursor") or ""),
	)


def _fields(fields: Any) -> list[str]:
	if isinstance(fields, str):
		fields = frappe.parse_json(fields) if fields.strip().startswith("[") else fields.split(",")
	return [cstr(field).strip() for field in fields or ()]


def _columns(fields: Sequence[str], pluck: str, known: Iterable[str]) -> tuple[tuple[str, str], ...]:
	if pluck:
		return ((pluck, pluck),)
	columns: list[tuple[str, str]] = []
	for text in fields:
		if text.split(".")[-1] == "*":
			return ()
		match = _FIELD.fullmatch(text)
		if _RELEVANCE.fullmatch(text):
			columns.append(("_relevance", "_relevance"))
			continue
		if not match or match[1] not in known:
			frappe.throw(_("there is no field {0}").format(text[:80]), title=_("Bad Field"))
		columns.append((match[1], match[2] or match[1]))
	# `frappe.get_all` without fields asks for the name only, and core's controllers then answer whole rows
	return () if [field for field, name in columns] == ["name"] else tuple(columns)


def _order(order_by: Any, known: Iterable[str]) -> tuple[tuple[str, bool], ...]:
	text = cstr(order_by or "").strip()
	if not text or _DEFAULT_ORDER in text:
		return ()
	order: list[tuple[str, bool]] = []
	for part in map(str.strip, _COMMA.split(text)):
		if _RELEVANCE.fullmatch(part):
			continue
		match = _ORDER.fullmatch(part)
		if not match or match[2] not in known:
			frappe.throw(_("order by {0} is not possible").format(part[:80]), title=_("Bad Order"))
		order.append((match[2], (match[4] or "asc").lower() == "desc"))
	return tuple(order)


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
		fields = [field for field, _name in asked.columns] or ["name"]
		return [[row.get(field) for field in fields] for row in rows]
	if not asked.columns:
		return list(rows)
	always = [("name", "name")] if asked.from_program else [("name", "name"), ("_comment_count",) * 2]
	return [Row({name: row.get(field) for field, name in (*always, *asked.columns)}) for row in rows]
