"""Reports that always answer: an error is a message without rows."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import wraps
from typing import Any

import frappe
from frappe import _
from frappe.utils import strip_html
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge.markup import as_html
from job_monitor.bridge.site import release
from job_monitor.bridge.wording import translated

Execute = Callable[[dict[str, Any] | None], tuple[Any, ...]]

_MESSAGE_CHARS = 500


def answered(execute: Execute) -> Execute:
	"""Decorator of a report's `execute`: where it raises, the report has a message in words and no rows.

	Frappe 15 takes a report that raises for one that is too slow, and from then on makes it in the background only.
	Unexpected errors are written to the Error Log, too. A job's time limit passes.
	"""

	@wraps(execute)
	def answer(filters: dict[str, Any] | None = None) -> tuple[Any, ...]:
		messages = len(frappe.local.message_log)
		try:
			columns, *rest = execute(filters)
			return [_wide_enough(column) for column in columns], *rest
		except BaseTimeoutException:
			raise
		except (frappe.ValidationError, frappe.PermissionError) as error:
			del frappe.local.message_log[messages:]  # Desk would show it twice
			text = html.unescape(strip_html(str(error)))
		except Exception as error:
			text = _unexpected(error)
		return [], [], as_html(text or _("Not permitted"), _MESSAGE_CHARS), None, None

	return answer


def _wide_enough(column: dict[str, Any]) -> dict[str, Any]:
	"""A column that shows its whole label, whatever the language."""
	width = 9 * len(column["label"]) + 24
	return column | {"width": max(column.get("width", 0), width)}


def _unexpected(error: Exception) -> str:
	frappe.db.rollback()  # until then PostgreSQL answers no query
	if not release.is_migrated():
		return f"{translated(release.NOT_MIGRATED)} {translated(release.how_to_migrate())}"
	frappe.log_error(title="Job Monitor: a report could not be made")
	return _("This report could not be made: {0}. The Error Log tells more.").format(type(error).__name__)


def never_in_background() -> None:
	"""Take back the "Prepared Report" that Frappe 15 set when a report of this app raised, or was once slow."""
	of_ours = {"module": "Job Monitor", "is_standard": "Yes", "prepared_report": 1}
	for name in frappe.get_all("Report", of_ours, pluck="name"):
		frappe.db.set_value("Report", name, "prepared_report", 0, update_modified=False)
