"""Fields, groups and order of a list, as callers of Frappe write them: in SQL in 15, as mappings from 16.4 on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import frappe
from frappe import _
from frappe.utils import cstr

from job_monitor.bridge.markup import as_html

RELEVANCE = "_relevance"
"""Field and order that link search adds: how early a name holds the text. Frappe sorts by it again itself."""

_AGGREGATES = ("count", "sum", "avg", "min", "max")
_DEFAULT_ORDER = "KEEP_DEFAULT_ORDERING"
_NAME = r"(?:`?tab[^`.]+`?\.)?`?(\w+)`?"
_AS = r"(?:\s+as\s+[`'\"]?(\w+)[`'\"]?)?"
_FIELD = re.compile(_NAME + _AS, re.IGNORECASE)
_AGGREGATE = re.compile(rf"({'|'.join(_AGGREGATES)})\s*\(\s*(?:distinct\s+)?(.*?)\s*\){_AS}", re.IGNORECASE)
_RELEVANT = re.compile(
	r".*_relevance`?(?:\s+(?:asc|desc))?|ifnull\(_relevance, -9999\) desc|\d+ desc nulls last", re.DOTALL
)
_ORDER = re.compile(rf"{_NAME}(?:\s+(asc|desc))?", re.IGNORECASE)
_COMMA = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True)
class Column:
	"""One column of a list's answer.

	Attributes:
		field: Fieldname in a row; "*" for a count of rows.
		name: Its name in the answer.
		aggregate: One of `_AGGREGATES`, "" for the value itself.
	"""

	field: str
	name: str
	aggregate: str = ""


def columns(fields: Any, known: Iterable[str]) -> tuple[Column, ...]:
	"""Columns of a list; none for whole rows, as Frappe's controllers answer.

	Raises:
		frappe.ValidationError: No such field.
	"""
	if isinstance(fields, str):
		fields = frappe.parse_json(fields) if fields.strip().startswith("[") else fields.split(",")
	found: list[Column] = []
	for field in fields or ():
		column = (
			_of_mapping(field, known) if isinstance(field, Mapping) else _of_text(cstr(field).strip(), known)
		)
		if column is None:
			return ()
		found.append(column)
	# `frappe.get_all` without fields asks for the name only, and Frappe's controllers then answer whole rows
	return () if found == [Column("name", "name")] else tuple(found)


def _of_text(text: str, known: Iterable[str]) -> Column | None:
	if text.split(".")[-1] == "*":
		return None
	if match := _AGGREGATE.fullmatch(text):
		return _aggregate(match[1], match[2], match[3] or text, known)
	if _RELEVANT.fullmatch(text):
		return Column(RELEVANCE, RELEVANCE)
	match = _FIELD.fullmatch(text)
	if not match or match[1] not in known:
		_refuse(text)
	return Column(match[1], match[2] or match[1])


def _of_mapping(field: Mapping[str, Any], known: Iterable[str]) -> Column:
	name = cstr(field.get("as"))
	if name == RELEVANCE:
		return Column(RELEVANCE, RELEVANCE)
	function, argument = next(((k, v) for k, v in field.items() if k != "as"), ("", ""))
	if function.lower() not in _AGGREGATES:
		_refuse(cstr(field))
	return _aggregate(function, cstr(argument), name or f"{function}({argument})", known)


def _aggregate(function: str, argument: str, name: str, known: Iterable[str]) -> Column:
	match = _FIELD.fullmatch(argument)
	if argument in ("*", "1"):
		field = "*"
	elif match and match[1] in known:
		field = match[1]
	else:
		_refuse(argument)
	return Column(field, name, function.lower())


def groups(group_by: Any, columns: Sequence[Column], known: Iterable[str]) -> tuple[Column, ...]:
	"""Columns that rows are grouped by. Where Frappe does not pass them on, they are the columns beside the aggregates.

	Raises:
		frappe.ValidationError: No such field.
	"""
	if not group_by:
		plain = tuple(column for column in columns if not column.aggregate)
		return plain if is_grouped(columns) else ()
	found = [_of_text(part.strip(), known) for part in cstr(group_by).split(",")]
	return tuple(column for column in found if column)


def is_grouped(columns: Sequence[Column]) -> bool:
	"""Whether a list with these columns has aggregates, and so groups in place of rows."""
	return any(column.aggregate for column in columns)


def order(order_by: Any, columns: Sequence[Column], known: Iterable[str]) -> tuple[tuple[str, bool], ...]:
	"""The order of a list: (field or name of an aggregate, descending); empty for the default order.

	Raises:
		frappe.ValidationError: No such field, or an expression.
	"""
	text = cstr(order_by or "").strip()
	if not text or _DEFAULT_ORDER in text:
		return ()
	allowed = {*known, *(column.name for column in columns if column.aggregate)}
	found: list[tuple[str, bool]] = []
	for part in map(str.strip, _COMMA.split(text)):
		if _RELEVANT.fullmatch(part):
			continue
		match = _ORDER.fullmatch(part)
		if not match or match[1] not in allowed:
			frappe.throw(_("order by {0} is not possible").format(as_html(part)), title=_("Bad Order"))
		found.append((match[1], (match[2] or "asc").lower() == "desc"))
	return tuple(found)


def _refuse(text: str) -> None:
	frappe.throw(_("there is no field {0}").format(as_html(text)), title=_("Bad Field"))
