"""Rows of a virtual DocType's list: sorted, grouped, and in the shape that the request asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import frappe
from frappe.utils import cstr

from job_monitor.bridge.lists.list_fields import Column
from job_monitor.bridge.lists.list_request import ListRequest

Row = frappe._dict
"""A document's values by fieldname, as Frappe's lists have them."""


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


def shape(request: ListRequest, rows: Iterable[Row]) -> list[Any]:
	"""Rows as dicts, as lists in the order of the fields, or as single values."""
	if request.pluck:
		return [row.get(request.pluck) for row in rows]
	if request.as_list:
		fields = [column.field for column in request.columns] or ["name"]
		return [[row.get(field) for field in fields] for row in rows]
	if not request.columns:
		return list(rows)
	always = [("name", "name")] if request.from_program else [("name", "name"), ("_comment_count",) * 2]
	named = [*always, *((column.field, column.name) for column in request.columns)]
	return [Row({name: row.get(field) for field, name in named}) for row in rows]


def group(request: ListRequest, rows: Iterable[Row]) -> list[Any]:
	"""One row for each group: the largest first, unless the request has another order."""
	members: dict[tuple[Any, ...], list[Row]] = {}
	for row in rows:
		members.setdefault(tuple(row.get(column.field) for column in request.groups), []).append(row)
	if not members and not request.groups:
		members[()] = []
	return shape_groups(request, ((rows, {}) for rows in members.values()))


def shape_groups(
	request: ListRequest, groups: Iterable[tuple[Sequence[Row], Mapping[str, int]]]
) -> list[Any]:
	"""One row for each group, as `group` gives it.

	Args:
		groups: The rows of each group, and its `count` where not all of its rows were read.
	"""
	columns = request.columns or (*request.groups, Column("*", "count", "count"))
	found = [Row({c.name: _value(c, rows, counts) for c in columns}) for rows, counts in groups]
	sort(found, request.order or [(c.name, True) for c in columns if c.aggregate == "count"])
	end = None if request.length is None else request.start + request.length
	found = found[request.start : end]
	return [list(row.values()) for row in found] if request.as_list else found


def _value(column: Column, rows: Sequence[Row], counts: Mapping[str, int]) -> Any:
	if not column.aggregate:
		return rows[0].get(column.field) if rows else None
	if column.aggregate == "count":
		return counts.get("count", len(rows))
	values = [row.get(column.field) for row in rows if row.get(column.field) is not None]
	if not values:
		return None
	total = {"sum": sum, "min": min, "max": max, "avg": lambda some: sum(some) / len(some)}[column.aggregate]
	return total(values)  # type: ignore[operator]


class Runnable:
	"""A query as API v2 of Frappe 16 expects it from `get_list`: it runs it, and gets these rows."""

	def __init__(self, rows: list[Any]) -> None:
		self.rows = rows

	def run(self, **_options: Any) -> list[Any]:
		"""The rows."""
		return self.rows
