"""Titles and texts of notices that an incident is resolved, by kind of rule: they speak of what was seen in the past."""

from __future__ import annotations

import frappe
from frappe import _

from job_monitor.bridge.wording import translated
from job_monitor.core.alerts.messages import ENDINGS
from job_monitor.core.wording import Wording


def title(kind: str | None, subject: str, title: str) -> str:
	"""Title of the notice that an incident is resolved.

	Args:
		title: What was seen, for kinds that have no words of their own.
	"""
	if kind not in ENDINGS:
		return _("It is over: {0}").format(title)
	name = _method(subject) if "Schedule" in kind.split() else subject
	return translated(Wording(ENDINGS[kind], name))


def _method(schedule: str) -> str:
	"""A schedule's method: Frappe 16 gives schedules random names."""
	return frappe.db.get_value("Scheduled Job Type", schedule, "method") or schedule


def text(title: str, text: str) -> str:
	"""What was seen, as something that was."""
	return _("What was seen last: {0}").format("\n".join(part for part in (title, text) if part))
