"""How far the recorder is: it writes that down, and rules and reports read from it which rows hold which runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import frappe

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import DAY, HOUR, METRIC, MINUTE, Bucket, Scale
from job_monitor.bridge.site import state
from job_monitor.bridge.timezones import to_utc
from job_monitor.core import clock
from job_monitor.core.history.reconcile import Marks
from job_monitor.core.history.runs import FIRST

STATE = "recorder"
"""Key of `state`."""


@dataclass
class Progress:
	"""How far the recorder is. Kept in the site's database.

	Attributes:
		after: Position of the last run that was written down.
		marks: See `lost_runs.catch_up`.
		hours_until, days_until: Up to when minutes are summed up in hours, and hours in days; in UTC, and never in the
			future, whatever the clock was.
		born: Of the stream in which `after` is a position, see `runs.State`.
		lost, lost_at: Runs that were never written down, in all, and the Unix time when that was last found.
	"""

	after: str = FIRST
	marks: Marks | None = None
	hours_until: datetime = field(default_factory=clock.now)
	days_until: datetime = field(default_factory=clock.now)
	born: str = ""
	lost: int = 0
	lost_at: float = 0.0

	@classmethod
	def read(cls) -> Progress:
		"""As it is now. One query."""
		return cls.load(state.get(STATE))

	@classmethod
	def load(cls, text: str | None) -> Progress:
		kept = json.loads(text) if text else {}
		latest = HOUR.floor(clock.now()), DAY.floor(clock.now())
		hours, days = (min(noted or last, last) for noted, last in zip(_noted(kept), latest, strict=True))
		lost = kept.get("lost", 0), kept.get("lost_at", 0.0)
		return cls(kept.get("after", FIRST), kept.get("marks"), hours, days, kept.get("born", ""), *lost)

	def dump(self) -> str:
		return json.dumps(vars(self), default=str)

	def lose(self, number: int) -> None:
		self.lost, self.lost_at = self.lost + number, time.time()

	def bucket(self, moment: datetime, queue: str) -> Bucket:
		"""Where a run that ended then is counted: in the finest row that is still open."""
		scale = MINUTE if moment >= self.hours_until else HOUR if moment >= self.days_until else DAY
		return Bucket(scale, scale.floor(moment), queue)


def _noted(kept: Mapping[str, Any]) -> list[datetime | None]:
	"""Hours and days as the recorder has noted them. Before release 2 it was in the site's zone."""
	texts = [kept.get(name) for name in ("hours_until", "days_until")]
	moments = [datetime.fromisoformat(text) if text else None for text in texts]
	return [moment if moment is None or moment.tzinfo else to_utc(moment) for moment in moments]


def forget_summed_up_ahead(text: str | None) -> None:
	"""Where the clock was ahead, rows from now on are summed up already: they must not be a second time.

	Args:
		text: The progress, as it is kept. The caller holds its lock.
	"""
	progress = Progress.load(text)
	latest = progress.hours_until, progress.days_until
	for scale, noted, last in zip((MINUTE, HOUR), _noted(json.loads(text or "{}")), latest, strict=True):
		if noted is not None and noted > last:
			frappe.db.delete(METRIC, job_metric.between(scale, last, noted))


def segments(
	since: datetime, until: datetime, coarsest: Scale, progress: Progress | None = None
) -> Iterator[tuple[Scale, datetime, datetime]]:
	"""Spans of rows that together hold each run of [since, until) once, of as few rows as can be.

	Args:
		since: The beginning of a minute. What does not begin with a bucket is read from finer rows.
		progress: If it is known; else it is read.
	"""
	at = progress or Progress.read()
	scales = {MINUTE: (MINUTE,), HOUR: (HOUR, MINUTE), DAY: (DAY, HOUR, MINUTE)}[coarsest]
	yield from _segments(since, until, scales, {HOUR: at.hours_until, DAY: at.days_until})


def _segments(
	since: datetime, until: datetime, scales: tuple[Scale, ...], done: Mapping[Scale, datetime]
) -> Iterator[tuple[Scale, datetime, datetime]]:
	scale, finer = scales[0], scales[1:]
	if not finer:
		if since < until:
			yield scale, since, until
		return
	start, end = _ceil(scale, since), done[scale] if until >= done[scale] else scale.floor(until)
	if start >= end:
		yield from _segments(since, until, finer, done)
		return
	yield from _segments(since, start, finer, done)
	yield scale, start, end
	yield from _segments(end, until, finer, done)


def _ceil(scale: Scale, moment: datetime) -> datetime:
	floor = scale.floor(moment)
	return floor if floor == moment else job_metric.following(scale, floor)
