"""Columns, rows, charts and messages of the reports Job Throughput and Job Latency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe
from frappe import _

from job_monitor.bridge.history.job_metric import METRIC
from job_monitor.bridge.reports.throughput import METHOD, QUEUE, ROWS, TIME, GroupTotals, ReportData
from job_monitor.bridge.wording import translated
from job_monitor.core.history import messages
from job_monitor.core.history.run_records import FAILED, KILLED, OUTCOMES, STOPPED, SUCCESS, TIMEOUT

COLORS = {SUCCESS: "#29CD42", FAILED: "#E24C4C", TIMEOUT: "#F8A53A", STOPPED: "#98A1A9", KILLED: "#8F4CC9"}


def rows(found: ReportData, values: Callable[[GroupTotals, float], dict[str, Any]]) -> list[dict[str, Any]]:
	"""Rows of a report; none where nothing ran, as Desk then says that the report is empty."""
	if not found.runs:
		return []
	label = found.query.range.label if found.query.by == TIME else str
	return [{"group": label(key), **values(total, minutes)} for key, total, minutes in found.rows()]


def columns(found: ReportData, numbers: list[tuple[str, str, str, int]]) -> list[dict[str, Any]]:
	"""Columns of a report.

	Args:
		numbers: Fieldname, label, type and width of each column after the first.
	"""
	labels = {TIME: (_("Time"), 140), METHOD: (_("Method"), 380), QUEUE: (_("Queue"), 140)}
	label, width = labels[found.query.by]
	first = {"fieldname": "group", "label": label, "fieldtype": "Data", "width": width}
	return [first, *({"fieldname": n, "label": x, "fieldtype": t, "width": w} for n, x, t, w in numbers)]


def outcome_names() -> dict[str, str]:
	"""Labels of outcomes in the user's language."""
	return {outcome: translated(messages.OUTCOMES[outcome]) for outcome in OUTCOMES}


def throughput_row(total: GroupTotals, minutes: float) -> dict[str, Any]:
	"""A row of Job Throughput."""
	runs = total.sum
	return {
		"runs": runs.total,
		**{outcome: runs.counts[outcome] for outcome in OUTCOMES},
		"failure_rate": round(100 * runs.bad / runs.total, 2) if runs.total else None,
		"per_minute": round(runs.total / minutes, 3),
		"seconds": round(runs.seconds, 3),
	}


def latency_row(total: GroupTotals, _minutes: float = 0.0) -> dict[str, Any]:
	"""A row of Job Latency: seconds, exact to 2 %; None where there were no runs."""
	runs = total.sum
	row: dict[str, Any] = {"runs": runs.total}
	for name, sketch in (("", runs.durations), ("wait_", runs.waits)):
		values = sketch.percentiles(0.5, 0.95, 0.99, 1)
		for share, value in zip(("p50", "p95", "p99", "max"), values, strict=True):
			row[name + share] = None if value is None else float(f"{value:.3g}")
	row["cpu"] = round(runs.cpu, 3) if runs.total else None
	row["memory"] = round(runs.memory / 2**20, 1) if runs.memory else None
	return row | {"depth": total.depth, "oldest_age": round(total.oldest_age, 1)}


def message(found: ReportData) -> str:
	"""The range that a report shows, what it leaves out, and why it is empty if it is."""
	query = found.query
	text = query.range.message()
	if len(found.groups) > ROWS:
		text += " " + _("The {0} with the most runs, of {1}.").format(ROWS, len(found.groups))
	if found.runs:
		return text
	if query.queue or query.method:
		return text + " " + _("No run matches these filters.")
	return text + " " + _why_empty()


def _why_empty() -> str:
	if frappe.db.exists(METRIC, {"success": [">=", 0]}):
		return _("No run was recorded in this time.")
	return _(
		"Nothing is recorded yet. Every run is counted once this app is installed and workers have been "
		"restarted; the scheduler writes the counts down every few minutes. Is it enabled?"
	)


# Over time


def stacked(found: ReportData) -> dict[str, Any] | None:
	"""Chart of runs by outcome over time, as bars. Outcomes that did not occur are left out."""
	counts = {name: [t.sum.counts[name] for t in found.times.values()] for name in OUTCOMES}
	shown = [name for name in OUTCOMES if name == SUCCESS or any(counts[name])]
	names = outcome_names()
	sets = [{"name": names[name], "values": counts[name]} for name in shown]
	options = {"barOptions": {"stacked": 1, "spaceRatio": 0.2}, "job_monitor_axis": "runs"}
	return _chart(found, "bar", sets, [COLORS[name] for name in shown], options)


def percentiles(found: ReportData) -> dict[str, Any] | None:
	"""Chart of p50 and p95 over time, of durations or waits, as bars.

	A bucket without a run has its place and no value. Lines of Desk's charts would go through zero there, or over it.
	"""
	pairs = [getattr(t.sum, found.query.chart).percentiles(0.5, 0.95) for t in found.times.values()]
	sets = [
		{"name": name, "values": [None if pair[n] is None else float(f"{pair[n]:.3g}") for pair in pairs]}
		for n, name in enumerate(("p50", "p95"))
	]
	options = {"barOptions": {"spaceRatio": 0.2}, "job_monitor_axis": "seconds"}
	return _chart(found, "bar", sets, ["#2490EF", "#F8A53A"], options)


def _chart(
	found: ReportData,
	kind: str,
	datasets: list[dict[str, Any]],
	colors: list[str],
	options: dict[str, Any],
) -> dict[str, Any] | None:
	if not found.runs:
		return None
	labels = [found.query.range.label(moment) for moment in found.times]
	data = {"labels": labels, "datasets": datasets}
	return {"data": data, "type": kind, "colors": colors, **options}
