"""Text of jobs and of requests is data: it is kept as it is, and escaped where it is shown as HTML, only there."""

from __future__ import annotations

from typing import Any

from frappe.utils import cstr, escape_html

_CHARS = 140
_TEXTS = ("Data", "Small Text", "Text", "Long Text", "Read Only", "Select", "Link")


def as_html(text: object, chars: int = _CHARS) -> str:
	"""A text, escaped for a place that Desk renders as HTML: messages, summaries and charts of reports, notifications.

	Not for fields and rows: these hold the text itself.
	"""
	return escape_html(cstr(text)[:chars])


class PlainText:
	"""A `Document` whose texts are printed to the letter, though print formats render them as HTML."""

	def get_formatted(self, fieldname: str, *args: Any, **kwargs: Any) -> Any:
		"""A field's value for print formats, escaped if it is a text."""
		field = self.meta.get_field(fieldname)  # type: ignore[attr-defined]
		if field is None or field.fieldtype not in _TEXTS:
			return super().get_formatted(fieldname, *args, **kwargs)  # type: ignore[misc]
		return escape_html(cstr(self.get(fieldname))).replace("\n", "<br>")
