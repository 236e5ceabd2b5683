"""What the recorder counted, added up for the reports Job Throughput and Job Latency."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import frappe

from job_monitor.bridge import ranges, state
from job_monitor.bridge.metrics import DAY, HOUR, METRIC, MINUTE, Scale
from job_monitor.bridge.ranges import Range
from job_monitor.core import limits
from job_monitor.core.metric_sums import DURATIONS, WAITS, Sum, fold
from job_monitor.core.runs import OUTCOMES

TIME, METHOD, QUEUE = "Time", "Method", "Queue"
"""By what a report groups."""

ROWS = 500
"""Rows of a report; those with the fewest runs are left out, and it says so."""


@dataclass
class Total:
	"""Runs of a bucket of time, a method or a queue.

	Attributes:
		depth, oldest_age: The most of the samples: waiting jobs, seconds.
	"""

	sum: Sum
	depth: int = 0
	oldest_age: float = 0.0

	def sample(self, depth: int, oldest_age: float) -> None:
		self.depth = max(self.depth, depth or 0)
		self.oldest_age = max(self.oldest_age, oldest_age or 0.0)


@dataclass(frozen=True)
class Wanted:
	"""What a report is asked for.

	Attributes:
		method: Any part of a method's name.
		sketches, chart: Those wanted of the rows, and the one that is shown over time.
	"""

	range: Range
	queue: str = ""
	method: str = ""
	by: str = TIME
	sketches: tuple[str, ...] = ()
	chart: str = DURATIONS

	@classmethod
	def of(cls, given: Any, by: str, sketches: tuple[str, ...] = ()) -> Wanted:
		queue, method = (str(given.get(n) or "")[: limits.PATTERN_CHARS] for n in ("queue", "method"))
		by = given.get("group_by") if given.get("group_by") in (TIME, METHOD, QUEUE) else by
		chart = WAITS if given.get("chart") == "Wait" else DURATIONS
		return cls(ranges.of(given), queue, method.strip().lower(), by, sketches, chart)

	@property
	def packed(self) -> bool:
		"""Whether the columns of Job Metric do not tell it."""
		return bool(self.sketches or self.method) or self.by == METHOD

	@property
	def of_queues(self) -> bool:
		"""Whether depth and age say anything: they are known by queue only."""
		return not self.method and self.by != METHOD


@dataclass
class Found:
	"""What was recorded: by bucket of time (of all of the range), and by what the report groups by."""

	wanted: Wanted
	times: dict[datetime, Total]
	groups: dict[str, Total] = field(default_factory=dict)

	@property
	def runs(self) -> int:
		return sum(total.sum.total for total in self.times.values())

	def group(self, key: str) -> Total:
		if key not in self.groups:
			self.groups[key] = Total(Sum(self.wanted.sketches))
		return self.groups[key]

	def whole(self) -> Total:
		"""All of it as one."""
		parts = list((self.groups or self.times).values())
		merged = Total(Sum(self.wanted.sketches).merge(part.sum for part in parts))
		for part in parts:
			merged.sample(part.depth, part.oldest_age)
		return merged

	def rows(self) -> list[tuple[Any, Total, float]]:
		"""Key, total and minutes of each row: the newest, or those with the most runs, first."""
		within = self.wanted.range
		if self.wanted.by == TIME:
			return [(at, total, within.minutes(at)) for at, total in reversed(self.times.items())]
		ranked = sorted(self.groups.items(), key=lambda item: (-item[1].sum.total, item[0]))
		return [(key, total, within.minutes()) for key, total in ranked[:ROWS]]


def read(wanted: Wanted) -> Found:
	"""One query for each resolution that the range touches."""
	sketches = wanted.sketches
	if wanted.by != TIME and sketches:
		sketches = (wanted.chart,)
	found = Found(wanted, {at: Total(Sum(sketches)) for at in wanted.range.buckets()})
	for row in _stored(wanted):
		time = found.times.get(wanted.range.scale.floor(row.start))
		if time is not None:
			_add(row, found, [time, found.group(row.queue)] if wanted.by == QUEUE else [time])
	return found


def _add(row: Any, found: Found, totals: list[Total]) -> None:
	wanted, sums = found.wanted, [total.sum for total in totals]
	if wanted.of_queues:
		for total in totals:
			total.sample(row.depth, row.oldest_age)
	if not wanted.packed:
		for one in sums:
			one.add(row)
	elif row.methods:
		_fold(row.methods, found, sums)


def _fold(text: str, found: Found, sums: list[Sum]) -> None:
	wanted = found.wanted

	def sums_of(method: str) -> list[Sum]:
		if wanted.method not in method.lower():
			return []
		return [*sums, found.group(method).sum] if wanted.by == METHOD else sums

	try:
		fold(text, sums_of)
	except ValueError:
		frappe.logger("job_monitor").error("a row of Job Metric is unreadable", exc_info=True)


def _stored(wanted: Wanted) -> Iterator[Any]:
	fields = ["start", "queue", "depth", "oldest_age"]
	fields += ["methods"] if wanted.packed else [*OUTCOMES, "seconds", "waited"]
	for scale, start, end in _segments(wanted.range):
		filters: list[list[Any]] = [
			["resolution", "=", scale.name],
			["start", ">=", start],
			["start", "<", end],
		]
		if wanted.queue:
			filters.append(["queue", "=", wanted.queue])
		yield from frappe.get_all(METRIC, filters=filters, fields=fields)


def _segments(within: Range) -> Iterator[tuple[Scale, datetime, datetime]]:
	"""Rows that together hold each run once: summed up ones, and finer ones for what is not summed up yet."""
	progress = json.loads(state.get("recorder") or "{}")
	hours, days = (
		datetime.fromisoformat(progress[name]) if name in progress else scale.floor(within.now)
		for name, scale in (("hours_until", HOUR), ("days_until", DAY))
	)
	first, last = datetime.min, datetime.max
	bounds = {
		MINUTE: [(MINUTE, first, last)],
		HOUR: [(HOUR, first, hours), (MINUTE, hours, last)],
		DAY: [(DAY, first, days), (HOUR, days, hours), (MINUTE, hours, last)],
	}
	for scale, start, end in bounds[within.scale]:
		start, end = max(start, within.start), min(end, within.end)
		if start < end:
			yield scale, start, end
