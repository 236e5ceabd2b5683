"""What the recorder has written down, for rules and reports. What rules ask is SQL: see `bridge.state`."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe.utils import get_datetime

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import DAY, HOUR, METRIC, MINUTE
from job_monitor.bridge.history.recorder_progress import Progress, segments
from job_monitor.bridge.site import state
from job_monitor.bridge.timezones import to_column, to_site, to_utc
from job_monitor.core import clock
from job_monitor.core.history.metrics import Counts, Methods
from job_monitor.core.history.runs import BAD, OUTCOMES


@dataclass(frozen=True)
class Baseline:
	"""How long a method usually takes: of so many runs in the last 7 days, in seconds."""

	samples: int
	p50: float
	p95: float


BASELINES = "baselines"
"""Key of `state`: what `note_baselines` keeps."""

BASELINE_DAYS = 7

LOST_TOLD = timedelta(days=1)
"""Runs that were lost are told for so long after the last was found."""


def lost_runs() -> tuple[int, datetime] | None:
	"""How many runs were never written down, in all, and when that was last found (in UTC); None if that is long ago."""
	progress = Progress.read()
	at = clock.from_epoch(progress.lost_at) if progress.lost else None
	return (progress.lost, at) if at and clock.now() - at < LOST_TOLD else None


def outcomes(windows: Collection[int]) -> dict[int, dict[str, Counts]]:
	"""Runs by queue that ended in the last minutes, this one included, for each of these numbers of minutes (up to 1,440).

	Each row is read and added up once, from the newest on, whatever the number of windows: one query for a window of up
	to an hour, three for a longer one, as hours that are over are read summed up.
	"""
	now, progress = clock.now(), Progress.read()
	until = now + job_metric.SLACK
	sums: dict[str, Counts] = {}
	found = {}
	for minutes in sorted(windows):
		since = MINUTE.floor(now - timedelta(minutes=minutes))
		for span in segments(since, until, HOUR, progress):
			_add_up(sums, *span)
		found[minutes] = {queue: counts.copy() for queue, counts in sums.items()}
		until = since
	return found


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
	"""What ended in the last minutes (up to 2,880), by queue: runs, failed, average_wait and average_duration in
	seconds, None where nothing ran. One query."""
	now = clock.now()
	filters = job_metric.between(
		MINUTE, MINUTE.floor(now - timedelta(minutes=minutes)), now + job_metric.SLACK
	)
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


def note_baselines() -> None:
	"""Keep the usual durations of all methods: of the last days, for rules that ask often."""
	now = clock.now()
	since = HOUR.floor(now - timedelta(days=BASELINE_DAYS))
	merged = Methods()
	for scale, start, end in segments(since, now + job_metric.SLACK, DAY):
		merged.merge(row.methods for _, row in job_metric.read(scale, start, end))
	found = {
		method: [aggregate.durations.total, *aggregate.durations.percentiles(0.5, 0.95)]
		for method, aggregate in merged.items()
	}
	state.put(BASELINES, json.dumps(found))


def baselines() -> dict[str, Baseline]:
	"""Usual durations by method. Taken anew each hour; an entry that somebody has spoilt is left out. One query."""
	try:
		kept = json.loads(state.get(BASELINES) or "{}")
	except ValueError:
		kept = {}
	entries = kept.items() if isinstance(kept, dict) else ()
	return {method: found for method, values in entries if (found := _baseline(values))}


def _baseline(values: Any) -> Baseline | None:
	match values:
		case [int(samples), float() | int() as p50, float() | int() as p95]:
			return Baseline(samples, float(p50), float(p95))
	return None


@dataclass(frozen=True)
class NewGroup:
	"""A failure that nobody had seen before, or one that was resolved.

	Attributes:
		at: When it was first seen, or seen again. `again`: which of the two.
	"""

	name: str
	title: str
	method: str
	state: str
	occurrences: int
	at: datetime
	again: bool


NEW_GROUPS = 1_000
"""New groups that are read at most: the newest."""


def new_groups(since: datetime) -> list[NewGroup]:
	"""Job Failure Groups, not ignored, that are new since then, the newest first. One query."""
	rows = frappe.db.sql(
		f"""select name, title, method, state, occurrences, first_at, reopened_at from `tabJob Failure Group`
		where coalesce(state, '') != 'Ignored' and last_at >= %(since)s
		and (first_at >= %(since)s or reopened_at >= %(since)s)
		order by last_at desc limit {NEW_GROUPS}""",
		{"since": to_site(since)},
		as_dict=True,
	)
	groups = [_new_group(row, since) for row in rows]
	latest = clock.now() + job_metric.SLACK  # later ones are of a clock that was ahead
	return sorted((g for g in groups if g.at <= latest), key=lambda group: group.at, reverse=True)


def _new_group(row: Any, since: datetime) -> NewGroup:
	reopened = to_utc(get_datetime(row.reopened_at)) if row.reopened_at else None
	again = reopened is not None and reopened >= since
	at = reopened if reopened is not None and again else to_utc(get_datetime(row.first_at))
	return NewGroup(row.name, row.title, row.method, row.state, row.occurrences, at, again)
