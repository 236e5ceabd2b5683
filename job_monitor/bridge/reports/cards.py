"""Cards above a report, each a label and a number."""

from __future__ import annotations

from math import floor, log10
from typing import Any

import frappe

_DIGITS = 3


def number_card(label: str, value: float | None) -> dict[str, Any]:
	"""A card whose number has three digits, of which none is behind the third decimal. Desk itself would show "1,324.900".

	The number is a text in the site's number format; "" for None.
	"""
	return {"label": label, "value": "" if value is None else _text(value), "datatype": "Data"}


def _text(value: float) -> str:
	before_point = floor(log10(abs(value))) + 1 if value else 1
	places = min(_DIGITS, max(0, _DIGITS - before_point))
	while places and round(value, places) == round(value, places - 1):
		places -= 1
	field = {"fieldtype": "Float", "precision": places}
	return str(frappe.format_value(float(round(value, places)), field))
