"""What core says, in the language of the user; and what is kept or sent, in the language of the site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe import _
from frappe.utils import fmt_money

from job_monitor.bridge import system_settings
from job_monitor.core.wording import Number, Wording


def translated(text: str) -> str:
	"""A text of core in the language of the request or job, numbers as the site writes them. What core did not `say` is
	left as it is.

	A translation with other placeholders than its template (people may write their own, as Translation) is not used.
	"""
	if isinstance(text, Number):
		return fmt_money(text.value, text.decimals)
	if not isinstance(text, Wording):
		return text
	values = [translated(value) if isinstance(value, str) else value for value in text.values]
	try:
		return str(_(text.template).format(*values) if values else _(text.template))
	except (IndexError, KeyError, ValueError):
		return str(text)


@contextmanager
def language_of_site() -> Iterator[None]:
	"""A block in the site's language, for alerts: Frappe runs jobs in English, and requests in the user's language."""
	before = frappe.local.lang
	frappe.local.lang = system_settings.get("language") or before
	try:
		yield
	finally:
		frappe.local.lang = before
