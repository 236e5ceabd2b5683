"""Text that comes from jobs, or from whoever asks, is data. Kept as it is; made harmless where it is shown, and only there."""

from __future__ import annotations

from frappe.utils import cstr, escape_html

_CHARS = 140


def as_html(text: object, chars: int = _CHARS) -> str:
	"""A text for a place that Desk renders as HTML (messages, summaries and charts of reports, the bell): shown to the letter.

	Not for fields and rows: what is stored or answered stays the text itself.
	"""
	return escape_html(cstr(text)[:chars])
