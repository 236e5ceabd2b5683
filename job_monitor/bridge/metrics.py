"""Job Metric: rows by minute, hour and day, merged into what is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import frappe
from frappe.utils import now_datetime

from job_monitor.bridge import state
from job_monitor.core.metrics import Methods
from job_monitor.core.runs import OUTCOMES

METRIC = "Job Metric"
BASELINES = "baselines"
BASELINE_DAYS = 7


class Scale(NamedTuple):
	"""A resolution. Buckets begin with the site's own clock: an hour that is set back counts twice as one."""

	name: str
	zeroed: tuple[str, ...]

	def floor(self, moment: datetime) -> datetime:
		return moment.replace(**dict.fromkeys(self.zeroed, 0), microsecond=0)


MINUTE = Scale("Minute", ("second",))
HOUR = Scale("Hour", ("second", "minute"))
DAY = Scale("Day", ("second", "minute", "hour"))

KEPT_DAYS = {MINUTE: 2, HOUR: 14}
"""Life of rows; days are kept as Log Settings says."""


class Bucket(NamedTuple):
	scale: Scale
	start: datetime
	queue: str

	@property
	def name(self) -> str:
		return f"{self.scale.name} {self.start:%Y-%m-%d %H:%M} {self.queue}"[:140]


@dataclass
class Row:
	"""What a bucket holds.

	Attributes:
		depth, oldest_age: The most of the samples: waiting jobs, seconds.
	"""

	methods: Methods = field(default_factory=Methods)
	depth: int = 0
	oldest_age: float = 0.0

	def merge(self, other: Row) -> None:
		self.methods.merge([other.methods])
		self.depth = max(self.depth, other.depth)
		self.oldest_age = max(self.oldest_age, other.oldest_age)


def add(rows: Mapping[Bucket, Row]) -> None:
	"""Merge rows into those of the same buckets. The caller holds the recorder's lock, and commits."""
	names = {bucket.name: bucket for bucket in rows}
	if not names:
		return
	for bucket, row in _stored({"name": ["in", list(names)]}):
		rows[names[bucket.name]].merge(row)
	frappe.db.delete(METRIC, {"name": ["in", list(names)]})
	values = [_values(bucket, row) for bucket, row in rows.items()]
	frappe.db.bulk_insert(METRIC, list(values[0]), [tuple(value.values()) for value in values])


def _values(bucket: Bucket, row: Row) -> dict[str, Any]:
	all_series, now = row.methods.values(), now_datetime()
	return {
		"name": bucket.name,
		"creation": now,
		"modified": now,
		"owner": "Administrator",
		"modified_by": "Administrator",
		"resolution": bucket.scale.name,
		"start": bucket.start,
		"queue": bucket.queue,
		**{outcome: sum(series.counts.get(outcome, 0) for series in all_series) for outcome in OUTCOMES},
		"seconds": sum(series.seconds for series in all_series),
		"waited": sum(series.waited for series in all_series),
		"depth": row.depth,
		"oldest_age": row.oldest_age,
		"methods": row.methods.pack() if row.methods else "",
	}


def read(scale: Scale, since: datetime, until: datetime, queue: str = "") -> Iterator[tuple[Bucket, Row]]:
	"""Rows of one resolution that begin in [since, until), in the order of time."""
	filters: list[list[Any]] = [
		["resolution", "=", scale.name],
		["start", ">=", since],
		["start", "<", until],
	]
	return _stored([*filters, ["queue", "=", queue]] if queue else filters)


def _stored(filters: Any) -> Iterator[tuple[Bucket, Row]]:
	fields = ["resolution", "start", "queue", "methods", "depth", "oldest_age"]
	scales = {scale.name: scale for scale in (MINUTE, HOUR, DAY)}
	for row in frappe.get_all(METRIC, filters=filters, fields=fields, order_by="start"):
		bucket = Bucket(scales[row.resolution], row.start, row.queue)
		yield bucket, Row(_methods(row.methods), row.depth, row.oldest_age)


def _methods(text: str | None) -> Methods:
	"""A row that somebody has spoilt counts as empty: it must not stop the ones after it."""
	try:
		return Methods.unpack(text) if text else Methods()
	except ValueError:
		frappe.logger("job_monitor").error("a row of Job Metric is unreadable", exc_info=True)
		return Methods()


def finest(since: datetime, until: datetime, queue: str = "") -> Iterator[tuple[Bucket, Row]]:
	"""Rows that together hold each run of [since, until) once, the finest first that are kept for the whole time."""
	progress = json.loads(state.get("recorder") or "{}")
	hours = _moment(progress.get("hours_until"), since)
	days = _moment(progress.get("days_until"), since)
	for scale, start, end in ((DAY, since, days), (HOUR, days, hours), (MINUTE, hours, until)):
		start, end = max(start, since), min(end, until)
		if start < end:
			yield from read(scale, start, end, queue)


def _moment(text: str | None, default: datetime) -> datetime:
	return datetime.fromisoformat(text) if text else default


def note_baselines() -> None:
	"""Keep the usual durations of all methods: of the last days, for rules that ask often."""
	now = now_datetime()
	merged = Methods().merge(row.methods for _, row in finest(now - timedelta(days=BASELINE_DAYS), now))
	found = {
		method: [sum(series.durations.counts.values()), *series.durations.percentiles(0.5, 0.95)]
		for method, series in merged.items()
	}
	state.put(BASELINES, json.dumps(found))


def bucketed(rows: Iterable[tuple[Bucket, Row]], scale: Scale) -> dict[datetime, Row]:
	"""Rows of all queues added up by a coarser (or the same) scale."""
	sums: dict[datetime, Row] = {}
	for bucket, row in rows:
		sums.setdefault(scale.floor(bucket.start), Row()).merge(row)
	return sums
