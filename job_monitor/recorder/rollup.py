"""Moves runs that ended from Redis into the site's database: counts by minute, then hour and day, and failures.

Exactly once: how far the runs were read is written in the same transaction as what was made of them.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import frappe
from frappe.utils import background_jobs, cint

from job_monitor.bridge import metrics, session, state
from job_monitor.bridge.metrics import DAY, HOUR, MINUTE, Bucket
from job_monitor.bridge.times import to_site
from job_monitor.core import clock, limits, lost_runs, workers
from job_monitor.core.keys import QUEUED
from job_monitor.core.runs import FIRST, SUCCESS, Ended, RunLog
from job_monitor.core.store import Store
from job_monitor.recorder import failures

STATE = "recorder"

SETTLE_MINUTES = 10
"""An hour is summed up so long after its end: a run that is heard of later goes into the hour's row itself."""


@dataclass
class Progress:
	"""How far the recorder is. Kept in the site's database.

	Attributes:
		after: Position of the last run that was written down.
		marks: See `lost_runs.catch_up`.
		hours_until, days_until: Up to when minutes are summed up in hours, hours in days. In UTC.
	"""

	after: str = FIRST
	marks: lost_runs.Marks | None = None
	hours_until: datetime = field(default_factory=clock.now)
	days_until: datetime = field(default_factory=clock.now)

	@classmethod
	def load(cls, text: str | None) -> Progress:
		kept = json.loads(text) if text else {}
		return cls(kept.get("after", FIRST), kept.get("marks"), *metrics.summed_up(kept))

	def dump(self) -> str:
		return json.dumps(vars(self), default=str)

	def bucket(self, moment: datetime, queue: str) -> Bucket:
		"""Where a run that ended then is counted: in the finest row that is still open."""
		scale = MINUTE if moment >= self.hours_until else HOUR if moment >= self.days_until else DAY
		return Bucket(scale, scale.floor(moment), queue)


def write_down(seconds: float = 60) -> int:
	"""Write down what ended, for at most about so long. Returns the number of runs. Commits.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	store = session.connect()
	log = RunLog(store.connection, store.bench or "", frappe.local.site)
	deadline = time.monotonic() + seconds
	_sweep(store, log)
	_sample(store)
	written = 0
	while batch := _write_batch(log):
		written += len(batch)
		if len(batch) < limits.RUN_BATCH or time.monotonic() > deadline:
			break
	_sum_up()
	return written


def _sweep(store: Store, log: RunLog) -> None:
	kept = state.lock(STATE)
	progress = Progress.load(kept)
	metrics.forget_summed_up_ahead(kept)
	log.forget_upto(progress.after)
	lost_runs.close(store, log, workers.read_all(store))
	kept = cint(frappe.conf.rq_job_failure_ttl) or background_jobs.RQ_JOB_FAILURE_TTL
	usual = clock.now().timestamp() + kept
	progress.marks, _noted = lost_runs.catch_up(store, log, frappe.local.site, progress.marks, usual)
	_keep(progress)


def _keep(progress: Progress) -> None:
	state.put(STATE, progress.dump())
	frappe.db.commit()


def _sample(store: Store) -> None:
	"""Note how many jobs wait, and how long, in this minute's rows."""
	queues = [queue for queue in store.queues() if queue.counts.get(QUEUED)]
	if not queues:
		return
	progress = Progress.load(state.lock(STATE))
	rows = {}
	for queue in queues:
		bucket = progress.bucket(clock.now(), queue.short_name)
		rows[bucket] = metrics.Row(
			depth=queue.counts[QUEUED], oldest_age=queue.oldest_age(clock.now()) or 0.0
		)
	metrics.add(rows)
	frappe.db.commit()


def _write_batch(log: RunLog) -> list[Ended]:
	progress = Progress.load(state.lock(STATE))
	batch = log.ended(progress.after)
	if not batch:
		frappe.db.rollback()
		return []
	metrics.add(_counted(batch, progress))
	failures.add([ended for ended in batch if ended.run.outcome != SUCCESS])
	progress.after = batch[-1].position
	_keep(progress)
	log.forget(batch)
	return batch


def _counted(batch: Iterable[Ended], progress: Progress) -> dict[Bucket, metrics.Row]:
	@lru_cache(maxsize=10_000)
	def bucket_of(minute: int, queue: str) -> Bucket:
		return progress.bucket(min(clock.from_epoch(minute * 60) or now, now), queue)

	now = clock.now()  # a worker's host may be ahead

	counted: dict[Bucket, metrics.Row] = defaultdict(metrics.Row)
	for ended in batch:
		run = ended.run
		counted[bucket_of(int(run.ended_at // 60), run.queue)].methods.of(run.method).add(run)
	return counted


# Summing up


def _sum_up() -> None:
	"""Minutes into hours that are over, hours into days that are over."""
	progress = Progress.load(state.lock(STATE))
	hours = HOUR.floor(clock.now() - timedelta(minutes=SETTLE_MINUTES))
	if hours <= progress.hours_until:
		frappe.db.rollback()
		return
	_merge(MINUTE, HOUR, progress.hours_until, hours)
	progress.hours_until = hours
	days = DAY.floor(hours)
	if days > progress.days_until:
		_merge(HOUR, DAY, progress.days_until, days)
		progress.days_until = days
	metrics.note_baselines()
	_keep(progress)


def _merge(fine: metrics.Scale, coarse: metrics.Scale, since: datetime, until: datetime) -> None:
	sums: dict[Bucket, metrics.Row] = defaultdict(metrics.Row)
	for bucket, row in metrics.read(fine, since, until):
		sums[Bucket(coarse, coarse.floor(bucket.start), bucket.queue)].merge(row)
	metrics.add(sums)


def status() -> dict[str, Any]:
	"""How far the recorder is: {"waiting": runs not written down yet, "hours_until": …, "days_until": …}, moments in the site's time zone."""
	store = session.store()
	progress = Progress.load(state.get(STATE))
	with session.translated():
		waiting = RunLog(store.connection, store.bench or "", frappe.local.site).waiting()
	return {
		"waiting": waiting,
		"hours_until": to_site(progress.hours_until),
		"days_until": to_site(progress.days_until),
	}
