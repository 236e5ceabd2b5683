"""How many jobs ran, and how they ended: by time, method or queue."""

from __future__ import annotations

from typing import Any

import frappe
from frappe import _

from job_monitor.bridge.reports import throughput, throughput_report
from job_monitor.bridge.reports.cards import number_card
from job_monitor.bridge.reports.safe_report import answered
from job_monitor.bridge.reports.throughput import ReportData, ReportQuery


@answered
def execute(filters: dict[str, Any] | None = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary for Desk."""
	frappe.has_permission("Job Metric", "read", throw=True)
	found = throughput.read(ReportQuery.of(frappe._dict(filters or {}), by=throughput.TIME))
	columns = throughput_report.columns(found, _numbers())
	rows = throughput_report.rows(found, throughput_report.throughput_row)
	return columns, rows, throughput_report.message(found), throughput_report.stacked(found), _summary(found)


def _numbers() -> list[tuple[str, str, str, int]]:
	return [
		("runs", _("Runs"), "Int", 90),
		*((name, label, "Int", 100) for name, label in throughput_report.outcome_names().items()),
		("failure_rate", _("Failure Rate"), "Percent", 120),
		("per_minute", _("Runs per Minute"), "Float", 140),
		("seconds", _("Worker Time (s)"), "Float", 140),
	]


def _summary(found: ReportData) -> list[dict[str, Any]] | None:
	if not found.runs:
		return None
	minutes = found.query.range.minutes()
	row = throughput_report.throughput_row(found.whole(), minutes)
	failed = number_card(_("Failure Rate"), row["failure_rate"])
	color = "Red" if row["failure_rate"] else "Green"
	return [
		{"label": _("Runs"), "value": row["runs"], "datatype": "Int"},
		{**failed, "value": f"{failed['value']}%", "indicator": color},
		_rate(found.runs / minutes),
		number_card(_("Worker Time (s)"), row["seconds"]),
	]


def _rate(per_minute: float) -> dict[str, Any]:
	"""The card of a rate, in the unit in which it is 1 or more."""
	if per_minute >= 1:
		return number_card(_("Runs per Minute"), per_minute)
	if per_minute >= 1 / 60:
		return number_card(_("Runs per Hour"), 60 * per_minute)
	return number_card(_("Runs per Day"), 60 * 24 * per_minute)
