"""How long jobs took and waited, and what they used: by method, time or queue."""

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
	query = ReportQuery.of(frappe._dict(filters or {}), by=throughput.METHOD, sketches=True)
	found = throughput.read(query)
	columns = throughput_report.columns(found, _numbers(found))
	rows = throughput_report.rows(found, throughput_report.latency_row)
	chart = throughput_report.percentiles(found)
	return columns, rows, throughput_report.message(found), chart, _summary(found)


def _numbers(found: ReportData) -> list[tuple[str, str, str, int]]:
	seconds = [
		("p50", _("p50 (s)"), 90),
		("p95", _("p95 (s)"), 90),
		("p99", _("p99 (s)"), 90),
		("max", _("Longest (s)"), 110),
		("wait_p50", _("Wait p50 (s)"), 110),
		("wait_p95", _("Wait p95 (s)"), 110),
		("wait_p99", _("Wait p99 (s)"), 110),
		("wait_max", _("Longest Wait (s)"), 140),
		("cpu", _("CPU Time (s)"), 120),
	]
	of_queues = [
		("depth", _("Queue Depth"), "Int", 110),
		("oldest_age", _("Oldest Waiting (s)"), "Float", 150),
	]
	return [
		("runs", _("Runs"), "Int", 80),
		*((name, label, "Float", width) for name, label, width in seconds),
		("memory", _("Peak Memory (MB)"), "Float", 140),
		*(of_queues if found.query.of_queues else ()),
	]


def _summary(found: ReportData) -> list[dict[str, Any]] | None:
	if not found.runs:
		return None
	row = throughput_report.latency_row(found.whole())
	labels = {
		"p50": _("p50 (s)"),
		"p95": _("p95 (s)"),
		"wait_p95": _("Wait p95 (s)"),
		"cpu": _("CPU Time (s)"),
	}
	return [
		{"label": _("Runs"), "value": row["runs"], "datatype": "Int"},
		*(number_card(label, row[name]) for name, label in labels.items()),
	]
