"""Data of the reports Job Throughput and Job Latency: rows of Job Metric, added up.

Each report reads as little as it can: plain columns of Job Metric where they suffice, counts without sketches, the sketches
of all methods together, and rows of the coarsest resolution. Only a filter by method over time unpacks each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import frappe

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import DAY, METRIC, Samples
from job_monitor.bridge.history.recorder_progress import segments
from job_monitor.bridge.reports import ranges
from job_monitor.bridge.reports.ranges import Range
from job_monitor.bridge.timezones import from_column
from job_monitor.core import limits
from job_monitor.core.history.aggregates import Aggregate
from job_monitor.core.history.metric_rows import PackedRow
from job_monitor.core.history.metrics import fold, fold_totals
from job_monitor.core.history.run_records import OUTCOMES

TIME, METHOD, QUEUE = "Time", "Method", "Queue"
"""What a report groups by."""

DURATIONS, WAITS = "durations", "waits"
"""What a chart over time shows."""

ROWS = 500
"""Rows of a report at most: those with the most runs. The report says so."""


@dataclass
class GroupTotals(Samples):
	"""Runs of a bucket of time, a method or a queue, and what was seen of the queues."""

	sum: Aggregate = field(default_factory=Aggregate)


@dataclass(frozen=True)
class ReportQuery:
	"""What a report shows.

	Attributes:
		method: Any part of a method's name, in small letters.
		by: `TIME`, `METHOD` or `QUEUE`.
		sketches: Whether it shows percentiles.
		chart: `DURATIONS` or `WAITS`.
	"""

	range: Range
	queue: str = ""
	method: str = ""
	by: str = TIME
	sketches: bool = False
	chart: str = DURATIONS

	@classmethod
	def of(cls, filters: Any, by: str, sketches: bool = False) -> ReportQuery:
		"""The query that a report's filters make. `by` is used where they do not say what to group by."""
		queue, method = (str(filters.get(n) or "")[: limits.PATTERN_CHARS] for n in ("queue", "method"))
		by = filters.get("group_by") if filters.get("group_by") in (TIME, METHOD, QUEUE) else by
		chart = WAITS if filters.get("chart") == "Wait" else DURATIONS
		return cls(ranges.of(filters), queue, method.strip().lower(), by, sketches, chart)

	@property
	def of_queues(self) -> bool:
		"""Whether depth and oldest age can be shown: they are sampled by queue, not by method."""
		return not self.method and self.by != METHOD


@dataclass
class ReportData:
	"""What was recorded: by bucket of time (all of the range), and by method or queue where the report groups by it."""

	query: ReportQuery
	times: dict[datetime, GroupTotals]
	groups: dict[str, GroupTotals] = field(default_factory=dict)

	@property
	def runs(self) -> int:
		"""Number of runs in the range."""
		return sum(total.sum.total for total in self.times.values())

	def group(self, key: str) -> GroupTotals:
		"""Totals of a method or a queue."""
		found = self.groups.get(key)
		if found is None:
			found = self.groups[key] = GroupTotals()
		return found

	def whole(self) -> GroupTotals:
		"""Totals of all groups together."""
		whole = GroupTotals()
		for part in (self.groups or self.times).values():
			whole.sum.merge(part.sum)
			whole.sample(part.depth, part.oldest_age)
		return whole

	def rows(self) -> list[tuple[Any, GroupTotals, float]]:
		"""Key, totals and minutes of each row: the newest first, or those with the most runs."""
		time_range = self.query.range
		if self.query.by == TIME:
			return [(at, total, time_range.minutes(at)) for at, total in reversed(self.times.items())]
		ranked = sorted(self.groups.items(), key=lambda item: (-item[1].sum.total, item[0]))
		return [(key, total, time_range.minutes()) for key, total in ranked[:ROWS]]


def read(query: ReportQuery) -> ReportData:
	"""The data of a report: one query for each resolution in the range, two where the report groups by method."""
	found = ReportData(query, {at: GroupTotals() for at in query.range.buckets()})
	_read_times(found)
	if query.by == METHOD:
		_read_methods(found)
	return found


def _read_times(found: ReportData) -> None:
	"""Add up the buckets of time, and the queues where the report groups by them."""
	query, time_range = found.query, found.query.range
	packed = ["totals"] if query.sketches else []
	if query.method:
		packed = ["counts", "sketches"] if query.sketches else ["counts"]
	fields = ["start", "queue", "depth", "oldest_age", *_SUMS, *packed]
	add = _add_matching(query.method) if query.method else _add_all
	for row in _stored(query, time_range.scale, fields):
		time = found.times.get(time_range.scale.floor(from_column(row.start)))
		if time is None:
			continue
		totals = [time, found.group(row.queue)] if query.by == QUEUE else [time]
		with job_metric.unreadable(row.name):
			for total in totals:
				add(row, total.sum)
		if query.of_queues:
			for total in totals:
				total.sample(row.depth, row.oldest_age)


_SUMS = (*OUTCOMES, "seconds", "waited", "cpu", "memory")


def _add_all(row: Any, into: Aggregate) -> None:
	fold_totals(row.totals or "", into)
	for outcome in OUTCOMES:
		into.counts[outcome] += row[outcome] or 0
	into.seconds += row.seconds or 0.0
	into.waited += row.waited or 0.0
	into.cpu += row.cpu or 0.0
	into.memory = max(into.memory, round((row.memory or 0) * 2**20))


def _add_matching(part: str) -> Callable[[Any, Aggregate], None]:
	def add(row: Any, into: Aggregate) -> None:
		fold(_packed(row), lambda method: into if part in method.lower() else None)

	return add


def _packed(row: Any) -> PackedRow:
	return PackedRow(row.counts or "", row.sketches or "")


def _read_methods(found: ReportData) -> None:
	query = found.query

	def sum_of(method: str) -> Aggregate | None:
		return found.group(method).sum if query.method in method.lower() else None

	packed = ("counts", "sketches") if query.sketches else ("counts",)
	for row in _stored(query, DAY, packed):
		with job_metric.unreadable(row.name):
			fold(_packed(row), sum_of)


def _stored(query: ReportQuery, coarsest: job_metric.Scale, fields: Sequence[str]) -> Iterator[Any]:
	time_range = query.range
	for span in segments(time_range.start, time_range.end, coarsest):
		filters = job_metric.between(*span, queue=query.queue)
		yield from frappe.get_all(METRIC, filters=filters, fields=["name", *fields])
