"""Runs of the last minutes and hours, as Job Metric counts them: for alert rules and `get_queue_info`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import frappe

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import HOUR, METRIC, MINUTE
from job_monitor.bridge.history.recorder_progress import Progress, segments
from job_monitor.bridge.timezones import to_column
from job_monitor.core import clock
from job_monitor.core.history.metrics import Counts
from job_monitor.core.history.run_records import BAD, OUTCOMES


def outcomes(windows: Collection[int]) -> dict[int, dict[str, Counts]]:
	"""Runs by window and queue. A window is the number of its minutes, the current one included (up to 1,440).

	Each row is read and added up once, the newest first, whatever the number of windows: one query for windows of up to
	an hour, three for longer ones, whose ended hours are read as hour rows.
	"""
	now, progress = clock.now(), Progress.read()
	until = now + job_metric.SLACK
	sums: dict[str, Counts] = {}
	by_window = {}
	for minutes in sorted(windows):
		since = MINUTE.floor(now - timedelta(minutes=minutes))
		for span in segments(since, until, HOUR, progress):
			_add_up(sums, *span)
		by_window[minutes] = {queue: counts.copy() for queue, counts in sums.items()}
		until = since
	return by_window


def _add_up(sums: dict[str, Counts], scale: job_metric.Scale, since: datetime, until: datetime) -> None:
	rows = frappe.db.sql(
		f"select name, queue, counts from `tab{METRIC}` where resolution = %s and start >= %s and start < %s",
		(scale.name, to_column(since), to_column(until)),
	)
	for name, queue, counts in rows:
		with job_metric.unreadable(name):
			if counts:
				sums.setdefault(queue, Counts()).add(counts)


def by_queue(minutes: int = 60) -> dict[str, dict[str, Any]]:
	"""Runs that ended in the last minutes (up to 2,880), by queue. One query.

	Returns:
		`{queue: {"runs", "failed", "average_wait", "average_duration"}}`: averages in seconds, None where nothing ran.
	"""
	now = clock.now()
	since = MINUTE.floor(now - timedelta(minutes=minutes))
	filters = job_metric.between(MINUTE, since, now + job_metric.SLACK)
	sums: dict[str, dict[str, float]] = {}
	for row in frappe.get_all(METRIC, filters, ["queue", *OUTCOMES, "waited", "seconds"]):
		total = sums.setdefault(row.pop("queue"), {})
		for name, number in row.items():
			total[name] = total.get(name, 0) + (number or 0)
	return {queue: _averages(total) for queue, total in sums.items()}


def _averages(total: dict[str, float]) -> dict[str, Any]:
	runs = sum(int(total[outcome]) for outcome in OUTCOMES)
	bad = sum(int(total[outcome]) for outcome in BAD)
	wait, duration = ((total[name] / runs if runs else None) for name in ("waited", "seconds"))
	return {"runs": runs, "failed": bad, "average_wait": wait, "average_duration": duration}
