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
	row = throughput_report.throughput_row(found.whole(), found.query.range.minutes())
	failed = row["failure_rate"] or 0
	return [
		{"label": _("Runs"), "value": row["runs"], "datatype": "Int"},
		{
			"label": _("Failure Rate"),
			"value": failed,
			"datatype": "Percent",
			"indicator": "Red" if failed else "Green",
		},
		number_card(_("Runs per Minute"), row["per_minute"], decimals=2),
		number_card(_("Worker Time (s)"), row["seconds"]),
	]
