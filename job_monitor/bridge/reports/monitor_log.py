"""Frappe's monitor log for Desk: read at once where the log is small, in the background where it is large."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_bench_path

from job_monitor.bridge.reports import ranges
from job_monitor.bridge.timezones import to_site
from job_monitor.core import limits
from job_monitor.core.monitor_log import reader
from job_monitor.core.monitor_log.monitor_report import MethodStats, MonitorFilters, MonitorReport, MonitorRun

REQUEST_SECONDS = 1.5
"""Time that a web request may read."""

JOB_SECONDS = 1200.0
KEPT_SECONDS = 600
"""Life of a report that a job has read, in the cache."""

CHART_HOURS = 24 * 14


def report(filters: Any) -> tuple[MonitorReport, str]:
	"""The report of this site, and a message about what it leaves out.

	Args:
		filters: `since`, `until` (in the site's time zone), `queue`, `method`.
	"""
	key = key_of(filters)  # refuses bad ones, also where there is no log
	paths = reader.files(Path(get_bench_path()) / "logs")
	if not paths:
		return MonitorReport(), _how_to_begin()
	kept = frappe.cache.get_value(key, expires=True)
	if kept:
		return _restored(kept), _("As read at {0}.").format(kept["at"])
	found = reader.read(paths, _filters(filters), REQUEST_SECONDS)
	if found.complete:
		return found, found.problem
	_read_in_background(key, filters)
	share = 100 * found.bytes_read / max(1, found.bytes_total)
	message = _(
		"The log is large: this is the newest {0} % of it. All of it is being read; look again in a minute."
	)
	return found, message.format(round(share))


def key_of(filters: Any) -> str:
	"""Key in the cache of the report with these filters."""
	return "job_monitor_performance|" + hashlib.sha256(repr(_filters(filters)).encode()).hexdigest()


def _filters(filters: Any) -> MonitorFilters:
	since, until = ranges.start_of(filters.get("since")), ranges.moment_of(filters.get("until"))
	queue, method = (str(filters.get(name) or "")[: limits.PATTERN_CHARS] for name in ("queue", "method"))
	return MonitorFilters(frappe.local.site, queue, method, since, until)


def _how_to_begin() -> str:
	if frappe.conf.monitor:
		return _("The monitor is on; its log is written every few minutes, by a scheduled job.")
	return _("The monitor is off. Turn it on with {0} and restart the bench.").format(
		f"<code>{reader.TURN_ON}</code>"
	)


def _read_in_background(key: str, filters: Any) -> None:
	frappe.enqueue(
		"job_monitor.bridge.reports.monitor_log.read_all",
		queue="long",
		job_id=key,
		deduplicate=True,
		key=key,
		filters=dict(filters),
	)


def read_all(key: str, filters: dict[str, Any]) -> None:
	"""The job that reads the whole log and keeps its report in the cache."""
	found = reader.read(reader.files(Path(get_bench_path()) / "logs"), _filters(filters), JOB_SECONDS)
	kept = {**asdict(found), "at": frappe.utils.now_datetime().strftime("%H:%M")}
	frappe.cache.set_value(key, kept, expires_in_sec=KEPT_SECONDS)


def _restored(kept: dict[str, Any]) -> MonitorReport:
	values = {name: value for name, value in kept.items() if name != "at"}
	values["methods"] = tuple(MethodStats(**method) for method in kept["methods"])
	values["slowest"] = tuple(MonitorRun(**run) for run in kept["slowest"])
	return MonitorReport(**values)


def method_row(method: MethodStats) -> dict[str, Any]:
	"""A row of the report Job Performance: its share in percent."""
	return {**asdict(method), "share": 100 * method.share}


def local_hours(hours: list[str]) -> list[str]:
	"""Labels of hours, given in UTC, in the site's time zone."""
	moments = (datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=timezone.utc) for hour in hours)
	return [to_site(moment).strftime("%m-%d %H:%M") for moment in moments]
