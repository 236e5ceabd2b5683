"""Titles and texts of notices that an incident is resolved, by kind of rule: they speak of what was seen in the past."""

from __future__ import annotations

import frappe
from frappe import _


def title(kind: str | None, subject: str, title: str) -> str:
	"""Title of the notice that an incident is resolved.

	Args:
		title: What was seen, for kinds that have no words of their own.
	"""
	words = {
		"Error Log Rate": _("The rate of errors is normal again"),
		"Failure Rate": _("Failures are back to normal: {0}"),
		"Method Failures": _("Failures are back to normal: {0}"),
		"Queue Age": _("Jobs no longer wait too long in queue {0}"),
		"Queue Depth": _("Queue {0} has room again"),
		"Stalled Queue": _("Queue {0} no longer stands still"),
		"No Worker": _("No job waits for a missing worker in queue {0} any more"),
		"Dead Worker": _("Worker {0} is no longer missed"),
		"Stuck Job": _("Job {0} no longer runs too long"),
		"Zombie Job": _("Zombie {0} is gone"),
		"Missed Schedule": _("Schedule {0} was started again"),
		"Failing Schedule": _("Schedule {0} no longer fails"),
		"Blocked Schedule": _("Schedule {0} is no longer blocked"),
		"Scheduler": _("The scheduler runs again"),
		"Redis Memory": _("Redis has memory again"),
		"Failed Registry": _("Queue {0} has room for failed jobs again"),
		"Lost Runs": _("No run was lost for a day"),
		"Could Not Ask": _("{0} answers again"),
	}
	ending = words.get(kind or "", _("It is over: {0}").format(title))
	return ending.replace("{0}", _method(subject) if "Schedule" in (kind or "").split() else subject)


def _method(schedule: str) -> str:
	"""A schedule's method: Frappe 16 gives schedules random names."""
	return frappe.db.get_value("Scheduled Job Type", schedule, "method") or schedule


def text(title: str, text: str) -> str:
	"""What was seen, as something that was."""
	return _("What was seen last: {0}").format("\n".join(part for part in (title, text) if part))
