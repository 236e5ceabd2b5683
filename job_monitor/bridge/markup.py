"""Text that comes from jobs, or from whoever asks, is data. Kept as it is; made harmless where it is shown, and only there."""

from __future__ import annotations

from typing import Any

from frappe.utils import cstr, escape_html

_CHARS = 140
_TEXTS = ("Data", "Small Text", "Text", "Long Text", "Read Only", "Select", "Link")


def as_html(text: object, chars: int = _CHARS) -> str:
	"""A text for a place that Desk renders as HTML (messages, summaries and charts of reports, the bell): shown to the letter.

	Not for fields and rows: what is stored or answered stays the text itself.
	"""
	return escape_html(cstr(text)[:chars])


class PlainText:
	"""For a `Document` whose texts are printed to the letter: templates of prints render what it answers as HTML."""

	def get_formatted(self, fieldname: str, *args: Any, **kwargs: Any) -> Any:
		field = self.meta.get_field(fieldname)  # type: ignore[attr-defined]
		if field is None or field.fieldtype not in _TEXTS:
			return super().get_formatted(fieldname, *args, **kwargs)  # type: ignore[misc]
		return escape_html(cstr(self.get(fieldname))).replace("\n", "<br>")
