"""Frappe's filters, in each form that callers use. They mean what they mean in SQL, and judge rows in Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import frappe
from frappe import _
from frappe.utils import cstr, flt, get_datetime, get_timespan_date_range

from job_monitor.bridge import context
from job_monitor.bridge.markup import as_html
from job_monitor.bridge.timezones import to_site
from job_monitor.core.patterns import Like, like

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
	">": lambda a, b: a > b,
	"<": lambda a, b: a < b,
	">=": lambda a, b: a >= b,
	"<=": lambda a, b: a <= b,
}
_FIRST, _LAST = datetime(1900, 1, 1), datetime(9000, 1, 1)

OPERATORS = ("=", "!=", *_ORDERED, "in", "not in", "like", "not like", "is", "between", "timespan")


@dataclass(frozen=True)
class Filter:
	"""One filter of a list.

	Attributes:
		operator: One of `OPERATORS`, in lower case.
	"""

	fieldname: str
	operator: str
	value: Any

	def fits(self, value: Any) -> bool:
		"""Whether a value matches, as in SQL with Frappe's `ifnull`."""
		match self.operator:
			case "=" | "in":
				return any(_equal(value, other) for other in self.values())
			case "!=" | "not in":
				return not any(_equal(value, other) for other in self.values())
			case "like":
				return self._pattern().fits(cstr(value))
			case "not like":
				return not self._pattern().fits(cstr(value))
			case "is":
				return (value not in (None, "")) == (cstr(self.value).lower() == "set")
			case "between" | "timespan":
				low, high = self.span()
				return value not in (None, "") and low <= moment(value) <= high
			case _:
				return _ordered(self.operator, value, self.value)

	def fits_row(self, row: Mapping[str, Any]) -> bool:
		"""Whether a row's value matches."""
		return self.fits(row.get(self.fieldname))

	def values(self) -> list[Any]:
		"""The values that `=` and `in` compare with."""
		if self.operator in ("in", "not in"):
			if isinstance(self.value, str):
				return [part.strip() for part in self.value.split(",")]
			if not isinstance(self.value, Iterable):
				return [self.value]
			return list(self.value)
		return [self.value]

	def part(self) -> str:
		"""A text that each match of `=` or `like` contains, "" if none is known."""
		if self.operator == "=":
			return cstr(self.value)
		if self.operator != "like":
			return ""
		return self._pattern().longest_literal

	def span(self) -> tuple[datetime, datetime]:
		"""First and last moment of `between` and `timespan`; a date stands for its whole day."""
		bounds = get_timespan_date_range(cstr(self.value)) if self.operator == "timespan" else self.value
		if isinstance(bounds, str):
			bounds = bounds.split(",")
		if not isinstance(bounds, (list, tuple)) or len(bounds) != 2:
			frappe.throw(_("{0} needs two dates").format(self.fieldname), title=_("Bad Filter"))
		return _bound(bounds[0], time.min), _bound(bounds[1], time.max)

	def _pattern(self) -> Like:
		with context.frappe_errors():
			return like(cstr(self.value))


def moment(value: Any) -> datetime:
	"""A caller's moment in the site's time zone, between the years 1900 and 9000, which any time zone can show.

	Raises:
		frappe.ValidationError: It is no moment.
	"""
	try:
		found = get_datetime(value)
		found = to_site(found) if found.tzinfo else found
		return min(max(found, _FIRST), _LAST)
	except (ValueError, TypeError, AttributeError, OverflowError):
		frappe.throw(_("{0} is no moment.").format(as_html(value, 40)), title=_("Bad Filter"))


def _bound(value: Any, edge: time) -> datetime:
	"""A bound of a span; a date stands for its first or last moment."""
	if (isinstance(value, str) and len(value) <= 10) or (
		isinstance(value, date) and not isinstance(value, datetime)
	):
		return datetime.combine(moment(value), edge)
	return moment(value)


def _equal(value: Any, other: Any) -> bool:
	if isinstance(value, (int, float)):
		return other not in (None, "") and value == flt(other)
	if isinstance(value, datetime):
		return other not in (None, "") and value == moment(other)
	return cstr(value).casefold() == cstr(other).casefold()


def _ordered(operator: str, value: Any, other: Any) -> bool:
	if value in (None, "") or other in (None, ""):
		return False
	if isinstance(value, (int, float)):
		return _ORDERED[operator](value, flt(other))
	if isinstance(value, datetime):
		return _ORDERED[operator](value, moment(other))
	return _ORDERED[operator](cstr(value).casefold(), cstr(other).casefold())


def parse(filters: Any, known: Iterable[str]) -> list[Filter]:
	"""Filters from a dict, a list of lists of two to five, `Filters` of Frappe 16, a single list, JSON, or None.

	Args:
		known: Fieldnames.

	Raises:
		frappe.ValidationError: No filter, or an unknown field or operator.
	"""
	if isinstance(filters, str):
		filters = _decode(filters)
	if not filters:
		return []
	if isinstance(filters, Mapping):
		return [_filter(field, *_operator(value), known) for field, value in filters.items()]
	if not isinstance(filters, (list, tuple)):
		frappe.throw(_("filters must be a list or a dict"), title=_("Bad Filter"))
	if isinstance(filters[0], str):
		filters = [filters]
	return [f for item in filters for f in _filters_of(item, known)]


def _decode(filters: str) -> Any:
	try:
		return json.loads(filters) if filters.strip() else None
	except ValueError:
		return [["name", "=", filters]]


def _filters_of(item: Any, known: Iterable[str]) -> list[Filter]:
	if isinstance(item, Mapping):
		return parse(item, known)
	parts = list(item) if isinstance(item, (list, tuple)) else []
	if len(parts) >= 4:
		parts = parts[1:4]
	if len(parts) == 2:
		return [_filter(parts[0], *_operator(parts[1]), known)]
	if len(parts) != 3:
		frappe.throw(_("{0} is no filter").format(as_html(item, 80)), title=_("Bad Filter"))
	return [_filter(*parts, known)]


def _operator(value: Any) -> tuple[Any, Any]:
	"""Operator and value of `value` or `[operator, value]`; a list of other things means "in"."""
	if isinstance(value, (list, tuple)):
		if len(value) == 2 and cstr(value[0]).lower() in OPERATORS:
			return value[0], value[1]
		return "in", value
	return "=", value


def _filter(fieldname: Any, operator: Any, value: Any, known: Iterable[str]) -> Filter:
	name = cstr(fieldname).split(".")[-1].strip("`")
	operator = cstr(operator or "=").lower().strip()
	if name not in known:
		frappe.throw(_("there is no field {0}").format(as_html(name, 80)), title=_("Bad Filter"))
	if operator not in OPERATORS:
		frappe.throw(_("operator {0} is none of {1}").format(as_html(operator, 20), ", ".join(OPERATORS)))
	return Filter(name, operator, value)
