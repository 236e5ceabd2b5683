"""Where this site's worker time goes: Frappe's monitor log by method."""

from __future__ import annotations

from typing import Any

import frappe
from frappe import _

from job_monitor.bridge.markup import as_html
from job_monitor.bridge.reports import monitor_log
from job_monitor.bridge.reports.cards import number_card
from job_monitor.bridge.reports.safe_report import answered
from job_monitor.core.monitor_log.monitor_report import MonitorReport


@answered
def execute(filters: dict[str, Any] | None = None) -> tuple[Any, ...]:
	"""Columns, rows, message, chart and summary for Desk."""
	frappe.has_permission("Scheduled Job Log", "read", throw=True)
	report, message = monitor_log.report(frappe._dict(filters or {}))
	rows = [monitor_log.method_row(method) for method in report.methods]
	return _columns(), rows, message, _chart(report), _summary(report)


def _columns() -> list[dict[str, Any]]:
	numbers = [
		("count", _("Runs"), "Int", 80),
		("errors", _("Errors"), "Int", 80),
		("total", _("Time (s)"), "Float", 110),
		("share", _("Share of Time"), "Percent", 90),
		("p50", _("p50 (s)"), "Float", 90),
		("p95", _("p95 (s)"), "Float", 90),
		("p99", _("p99 (s)"), "Float", 90),
		("wait_p50", _("Wait p50 (s)"), "Float", 110),
		("wait_p95", _("Wait p95 (s)"), "Float", 110),
		("slowest", _("Slowest (s)"), "Float", 110),
	]
	method = {"fieldname": "method", "label": _("Method"), "fieldtype": "Data", "width": 380}
	return [
		method,
		*(
			{"fieldname": n, "label": label, "fieldtype": t, "width": w, "precision": 3}
			for n, label, t, w in numbers
		),
	]


def _chart(report: MonitorReport) -> dict[str, Any] | None:
	if not report.hours:
		return None
	hours = list(report.hours)[-monitor_log.CHART_HOURS :]
	runs = [report.hours[hour][0] for hour in hours]
	seconds = [report.hours[hour][2] for hour in hours]
	datasets = [{"name": _("Runs"), "values": runs}, {"name": _("Seconds"), "values": seconds}]
	return {"data": {"labels": monitor_log.local_hours(hours), "datasets": datasets}, "type": "line"}


def _summary(report: MonitorReport) -> list[dict[str, Any]] | None:
	if not report.methods:
		return None
	busiest = as_html(report.methods[0].method)
	total = sum(method.total for method in report.methods)
	return [
		{"label": _("Runs"), "value": report.jobs, "datatype": "Int"},
		number_card(_("Worker time (s)"), total),
		{"label": _("Most time"), "value": busiest, "datatype": "Data"},
	]
