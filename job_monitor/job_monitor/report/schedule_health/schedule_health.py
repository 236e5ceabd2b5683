"""Schedules of this site: when each ran and is due, what is wrong, what to do."""

from __future__ import annotations

from collections import Counter
from typing import Any

import frappe
from frappe import _

from job_monitor.bridge.reports.safe_report import answered
from job_monitor.bridge.schedules import schedule_rows
from job_monitor.bridge.wording import translated
from job_monitor.core.schedules import messages
from job_monitor.core.schedules.health import PROBLEMS, STATES


@answered
def execute(filters: dict[str, Any] | None = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary for Desk."""
	frappe.has_permission("Scheduled Job Type", "read", throw=True)
	schedules = schedule_rows.rows()
	state = (filters or {}).get("state")
	rows = [row for row in schedules if _is_selected(row["state"], state)]
	return _columns(), rows, "", None, _summary(Counter(row["state"] for row in schedules))


def _is_selected(state: str, selected: str | None) -> bool:
	return not selected or state == selected or (selected == "problems" and state in PROBLEMS)


def _columns() -> list[dict[str, Any]]:
	columns = [
		("name", _("Scheduled Job"), "Link", 230),
		("state", _("Health"), "Data", 130),
		("message", _("Why"), "Data", 360),
		("hint", _("What to do"), "Data", 300),
		("last_run_at", _("Last Run"), "Datetime", 160),
		("last_outcome", _("Outcome"), "Data", 100),
		("last_duration", _("Took (s)"), "Float", 90),
		("usual_duration", _("Usually (s)"), "Float", 100),
		("next_due_at", _("Next Due"), "Datetime", 160),
		("overdue_seconds", _("Overdue (s)"), "Int", 100),
		("missed_runs", _("Missed Runs"), "Int", 110),
		("failures", _("Failed in a Row"), "Int", 120),
		("blocked_by", _("Blocked By"), "Data", 200),
		("frequency", _("Frequency"), "Data", 120),
		("cron_format", _("Cron Format"), "Data", 120),
		("method", _("Method"), "Data", 360),
	]
	link = {"name": {"options": "Scheduled Job Type"}}
	return [
		{"fieldname": n, "label": label, "fieldtype": t, "width": w, **link.get(n, {})}
		for n, label, t, w in columns
	]


def _summary(states: Counter[str]) -> list[dict[str, Any]]:
	colors = {**dict.fromkeys(PROBLEMS, "Red"), "overdue": "Orange", "ok": "Green"}
	return [
		{
			"label": translated(messages.STATE_LABELS[state]),
			"value": states[state],
			"datatype": "Int",
			"indicator": colors.get(state, "Grey"),
		}
		for state in STATES
		if states[state]
	]
