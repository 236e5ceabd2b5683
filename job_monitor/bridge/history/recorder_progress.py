"""How far the recorder is. It writes that down; rules and reports read from it which rows of Job Metric hold which runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import frappe

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import DAY, HOUR, METRIC, MINUTE, Bucket, Scale
from job_monitor.bridge.site import state
from job_monitor.bridge.timezones import to_utc
from job_monitor.core import clock
from job_monitor.core.history.failed_registries import Cursor, Cursors
from job_monitor.core.history.runs import FIRST

STATE = "recorder"
"""Key of `site.state`."""

LOST_SHOWN = timedelta(days=1)
"""Lost runs are reported for so long after the last was found."""


@dataclass
class Progress:
	"""How far the recorder is. Kept in the site's database.

	Attributes:
		after: Position of the last run that was written down, in the stream of runs on Redis.
		cursors: How far each queue's failed registry was read; None before the first sweep.
		hours_until, days_until: Up to when minutes are rolled up into hours, and hours into days; in UTC, and never in
			the future, whatever the clock was.
		born: When the stream was made in which `after` is a position, see `core.history.run_entries.LogState`.
		lost, lost_at: Runs that were never written down, in all, and the Unix time when that was last found.
	"""

	after: str = FIRST
	cursors: Cursors | None = None
	hours_until: datetime = field(default_factory=clock.now)
	days_until: datetime = field(default_factory=clock.now)
	born: str = ""
	lost: int = 0
	lost_at: float = 0.0

	@classmethod
	def read(cls) -> Progress:
		"""The progress as it is now. One query."""
		return cls.load(state.get(STATE))

	@classmethod
	def load(cls, text: str | None) -> Progress:
		"""The progress of what `dump` made; the present moment where nothing was rolled up yet."""
		kept = json.loads(text) if text else {}
		latest = HOUR.floor(clock.now()), DAY.floor(clock.now())
		hours, days = (min(noted or last, last) for noted, last in zip(_noted(kept), latest, strict=True))
		lost = kept.get("lost", 0), kept.get("lost_at", 0.0)
		return cls(kept.get("after", FIRST), _cursors(kept), hours, days, kept.get("born", ""), *lost)

	def dump(self) -> str:
		return json.dumps(vars(self), default=str)

	def lose(self, number: int) -> None:
		"""Count runs that will never be written down."""
		self.lost, self.lost_at = self.lost + number, time.time()

	def bucket(self, moment: datetime, queue: str) -> Bucket:
		"""The row in which a run that ended then is counted: the finest that is not rolled up yet."""
		scale = MINUTE if moment >= self.hours_until else HOUR if moment >= self.days_until else DAY
		return Bucket(scale, scale.floor(moment), queue)


def _cursors(kept: Mapping[str, Any]) -> Cursors | None:
	"""The cursors as they are kept; before release 2 they were called marks."""
	cursors = kept.get("cursors", kept.get("marks"))
	return cursors and {queue: Cursor(*cursor) for queue, cursor in cursors.items()}


def _noted(kept: Mapping[str, Any]) -> list[datetime | None]:
	"""Up to when hours and days are rolled up, as the recorder noted it. Before release 2 it was in the site's zone."""
	texts = [kept.get(name) for name in ("hours_until", "days_until")]
	moments = [datetime.fromisoformat(text) if text else None for text in texts]
	return [moment if moment is None or moment.tzinfo else to_utc(moment) for moment in moments]


def lost_runs() -> tuple[int, datetime] | None:
	"""How many runs were never written down, in all, and when that was last found (in UTC); None if that is long ago."""
	progress = Progress.read()
	at = clock.from_epoch(progress.lost_at) if progress.lost else None
	return (progress.lost, at) if at and clock.now() - at < LOST_SHOWN else None


def drop_future_rows(text: str | None) -> None:
	"""Delete minute and hour rows that a clock which was ahead has rolled up already: they would count twice.

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
	"""Spans of rows, as (scale, since, until), that together hold each run of [since, until) once, in as few rows as can be.

	Args:
		since: The beginning of a minute. What is no whole bucket of the coarsest scale is read from finer rows.
		coarsest: HOUR or DAY, or MINUTE for minute rows alone.
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
