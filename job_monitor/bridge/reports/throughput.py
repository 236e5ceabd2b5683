"""What the recorder counted, added up for the reports Job Throughput and Job Latency.

Each report reads the least that tells it: columns of Job Metric where they do, counts without sketches, the sketches of
all methods together, and rows of as long a time as can be. Only a filter by method over time unpacks every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import frappe

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import DAY, METRIC
from job_monitor.bridge.history.recorder_progress import segments
from job_monitor.bridge.reports import ranges
from job_monitor.bridge.reports.ranges import Range
from job_monitor.bridge.timezones import from_column
from job_monitor.core import limits
from job_monitor.core.history.metrics import Aggregate, PackedRow, fold, fold_totals
from job_monitor.core.history.runs import OUTCOMES

TIME, METHOD, QUEUE = "Time", "Method", "Queue"
"""By what a report groups."""

DURATIONS, WAITS = "durations", "waits"
"""What a chart over time shows."""

ROWS = 500
"""Rows of a report; those with the fewest runs are left out, and it says so."""


@dataclass
class GroupTotals:
	"""Runs of a bucket of time, a method or a queue.

	Attributes:
		depth, oldest_age: The most of the samples: waiting jobs, seconds.
	"""

	sum: Aggregate = field(default_factory=Aggregate)
	depth: int = 0
	oldest_age: float = 0.0

	def sample(self, depth: int, oldest_age: float) -> None:
		self.depth = max(self.depth, depth or 0)
		self.oldest_age = max(self.oldest_age, oldest_age or 0.0)


@dataclass(frozen=True)
class ReportQuery:
	"""What a report is asked for.

	Attributes:
		method: Any part of a method's name.
		sketches: Whether it shows percentiles. `chart`: of what, over time.
	"""

	range: Range
	queue: str = ""
	method: str = ""
	by: str = TIME
	sketches: bool = False
	chart: str = DURATIONS

	@classmethod
	def of(cls, given: Any, by: str, sketches: bool = False) -> ReportQuery:
		queue, method = (str(given.get(n) or "")[: limits.PATTERN_CHARS] for n in ("queue", "method"))
		by = given.get("group_by") if given.get("group_by") in (TIME, METHOD, QUEUE) else by
		chart = WAITS if given.get("chart") == "Wait" else DURATIONS
		return cls(ranges.of(given), queue, method.strip().lower(), by, sketches, chart)

	@property
	def of_queues(self) -> bool:
		"""Whether depth and age say anything: they are known by queue only."""
		return not self.method and self.by != METHOD


@dataclass
class ReportData:
	"""What was recorded: by bucket of time (of all of the range), and by what the report groups by."""

	wanted: ReportQuery
	times: dict[datetime, GroupTotals]
	groups: dict[str, GroupTotals] = field(default_factory=dict)

	@property
	def runs(self) -> int:
		return sum(total.sum.total for total in self.times.values())

	def group(self, key: str) -> GroupTotals:
		found = self.groups.get(key)
		if found is None:
			found = self.groups[key] = GroupTotals()
		return found

	def whole(self) -> GroupTotals:
		"""All of it as one."""
		whole = GroupTotals()
		for part in (self.groups or self.times).values():
			whole.sum.merge(part.sum)
			whole.sample(part.depth, part.oldest_age)
		return whole

	def rows(self) -> list[tuple[Any, GroupTotals, float]]:
		"""Key, total and minutes of each row: the newest, or those with the most runs, first."""
		within = self.wanted.range
		if self.wanted.by == TIME:
			return [(at, total, within.minutes(at)) for at, total in reversed(self.times.items())]
		ranked = sorted(self.groups.items(), key=lambda item: (-item[1].sum.total, item[0]))
		return [(key, total, within.minutes()) for key, total in ranked[:ROWS]]


def read(wanted: ReportQuery) -> ReportData:
	"""One query for each resolution that the range touches; two where it groups by method."""
	found = ReportData(wanted, {at: GroupTotals() for at in wanted.range.buckets()})
	_read_times(found)
	if wanted.by == METHOD:
		_read_methods(found)
	return found


def _read_times(found: ReportData) -> None:
	"""Also the groups, where they are queues."""
	wanted, within = found.wanted, found.wanted.range
	packed = ["totals"] if wanted.sketches else []
	if wanted.method:
		packed = ["counts", "sketches"] if wanted.sketches else ["counts"]
	fields = ["start", "queue", "depth", "oldest_age", *_SUMS, *packed]
	add = _add_matching(wanted.method) if wanted.method else _add_all
	for row in _stored(wanted, within.scale, fields):
		time = found.times.get(within.scale.floor(from_column(row.start)))
		if time is None:
			continue
		totals = [time, found.group(row.queue)] if wanted.by == QUEUE else [time]
		with job_metric.unreadable(row.name):
			for total in totals:
				add(row, total.sum)
		if wanted.of_queues:
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
	wanted = found.wanted

	def sum_of(method: str) -> Aggregate | None:
		return found.group(method).sum if wanted.method in method.lower() else None

	packed = ("counts", "sketches") if wanted.sketches else ("counts",)
	for row in _stored(wanted, DAY, packed):
		with job_metric.unreadable(row.name):
			fold(_packed(row), sum_of)


def _stored(wanted: ReportQuery, coarsest: job_metric.Scale, fields: Sequence[str]) -> Iterator[Any]:
	within = wanted.range
	for span in segments(within.start, within.end, coarsest):
		filters = job_metric.between(*span, queue=wanted.queue)
		yield from frappe.get_all(METRIC, filters=filters, fields=["name", *fields])
