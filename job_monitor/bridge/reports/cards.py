"""Cards above a report, each a label and a number."""

from __future__ import annotations

from math import floor, log10
from typing import Any

import frappe

_DIGITS = 3


def number_card(label: str, value: float | None, decimals: int = 3) -> dict[str, Any]:
	"""A card whose number has three digits, and so many decimals at most: Desk itself would show "1,324.900".

	The number is a text in the site's number format; "" for None.
	"""
	return {"label": label, "value": "" if value is None else _text(value, decimals), "datatype": "Data"}


def _text(value: float, decimals: int) -> str:
	before_point = floor(log10(abs(value))) + 1 if value else 1
	places = max(0, min(decimals, _DIGITS - before_point))
	while places and round(value, places) == round(value, places - 1):
		places -= 1
	field = {"fieldtype": "Float", "precision": places}
	return str(frappe.format_value(float(round(value, places)), field))
