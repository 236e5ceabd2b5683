"""Moves runs that ended from Redis into the site's database: counts by minute, then hour and day, and failures.

Exactly once: how far the runs were read is written in the same transaction as what was made of them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

import frappe
from frappe.utils import background_jobs, cint
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge import context
from job_monitor.bridge.history import baselines, job_metric
from job_monitor.bridge.history.job_metric import DAY, HOUR, MINUTE, Bucket
from job_monitor.bridge.history.recorder_progress import STATE, Progress, drop_future_rows
from job_monitor.bridge.site import state
from job_monitor.core import clock, limits
from job_monitor.core.errors import CouldNotAsk
from job_monitor.core.history import reconcile
from job_monitor.core.history.runs import FIRST, SUCCESS, Ended, RunLog
from job_monitor.core.rq import workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.keys import QUEUED
from job_monitor.core.rq.queues import read_queues
from job_monitor.recorder import failures

SETTLE_MINUTES = 10
"""An hour is rolled up so long after it ends; runs that are read later are added to the hour row."""


def ingest(seconds: float = 60) -> int:
	"""Write down what ended, for at most about so long. Returns the number of runs. Commits.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	client = context.client()
	log = RunLog(client.connection, client.bench or "", frappe.local.site)
	deadline = time.monotonic() + seconds
	_sweep(client, log)
	_sample(client)
	written = _write_batches(log, deadline)
	roll_up()
	return written


def _sweep(client: RqClient, log: RunLog) -> None:
	kept = state.lock(STATE)
	progress = Progress.load(kept)
	drop_future_rows(kept)
	found = log.state()
	if found.born != progress.born:
		# Redis was emptied, and its clock may have been another one: every run there is new
		progress.born, progress.after = found.born, FIRST
	elif found.waiting:
		log.forget_upto(progress.after)
	reconcile.close(client, log, lambda: workers.read_all(client))
	usual = clock.now().timestamp() + (
		cint(frappe.conf.rq_job_failure_ttl) or background_jobs.RQ_JOB_FAILURE_TTL
	)
	progress.marks = reconcile.catch_up(client, log, frappe.local.site, progress.marks, usual)[0]
	if found.dropped:
		progress.lose(found.dropped)
	if progress.dump() == kept:  # a quiet site: nothing is written
		frappe.db.rollback()
	else:
		_keep(progress)
	if found.dropped:
		log.drop(-found.dropped)


def _keep(progress: Progress) -> None:
	state.put(STATE, progress.dump())
	frappe.db.commit()


def _sample(client: RqClient) -> None:
	"""Note how many jobs wait, and how long, in this minute's rows."""
	queues = [queue for queue in read_queues(client) if queue.counts.get(QUEUED)]
	if not queues:
		return
	progress = Progress.load(state.lock(STATE))
	rows = {}
	for queue in queues:
		bucket = progress.bucket(clock.now(), queue.short_name)
		rows[bucket] = job_metric.MetricRow(
			depth=queue.counts[QUEUED], oldest_age=queue.oldest_age(clock.now()) or 0.0
		)
	job_metric.add(rows)
	frappe.db.commit()


# Batches

_ONCE_MORE, _SET_ASIDE = 0, -1
"""What follows a batch of one run that fails, in the place of a size: it is tried again alone, then left out."""


def _write_batches(log: RunLog, deadline: float) -> int:
	"""Write down what waits. A batch that fails, or kills this process, is tried again with half as many runs, and one
	run that fails alone is set aside: it stops neither those after it nor the site's alerts."""
	written = 0
	while (found := log.state()).waiting:
		size = limits.RUN_BATCH if found.batch is None else found.batch
		log.note_batch(_after_failure(size))
		try:
			if size <= _SET_ASIDE:
				_set_aside(log)
			number = _write_batch(log, max(1, size))
		except (CouldNotAsk, BaseTimeoutException):
			raise
		except Exception as error:
			frappe.db.rollback()
			_must_work(log, size)
			frappe.logger("job_monitor").error(f"{max(1, size)} runs are not written down", exc_info=error)
		else:
			log.note_batch(size * 2 if 0 < 2 * size < limits.RUN_BATCH and number == size else None)
			written += number
			if not number:
				break
		if time.monotonic() > deadline:
			break
	return written


def _after_failure(size: int) -> int:
	if size > 1:
		return size // 2
	return _ONCE_MORE if size == 1 else _SET_ASIDE


def _write_batch(log: RunLog, size: int) -> int:
	progress = Progress.load(state.lock(STATE))
	batch = log.ended(progress.after, size)
	if not batch:
		frappe.db.rollback()
		return 0
	job_metric.add(_counted(batch, progress))
	failures.add([ended for ended in batch if ended.run.outcome != SUCCESS])
	progress.after = batch[-1].position
	_keep(progress)
	log.forget(batch)
	return len(batch)


def _set_aside(log: RunLog) -> None:
	"""Leave out the one run that cannot be written down."""
	progress = Progress.load(state.lock(STATE))
	for ended in log.ended(progress.after, 1):
		progress.after = ended.position
		progress.lose(1)
		_keep(progress)
		log.forget([ended])
		frappe.logger("job_monitor").error(f"a run is left out: {ended.run.job_id!r:.500}")


def _must_work(log: RunLog, size: int) -> None:
	"""Write something else, to tell a batch that fails from a database that does: that is not the fault of its runs.

	Raises:
		Exception: The database takes nothing else either.
	"""
	try:
		state.put(STATE, state.lock(STATE) or "{}")
		frappe.db.commit()
	except Exception:
		log.note_batch(size)
		raise


def _counted(batch: Iterable[Ended], progress: Progress) -> dict[Bucket, job_metric.MetricRow]:
	@lru_cache(maxsize=10_000)
	def bucket_of(minute: int, queue: str) -> Bucket:
		return progress.bucket(min(clock.from_epoch(minute * 60) or now, now), queue)

	now = clock.now()  # a worker's host may be ahead

	counted: dict[Bucket, job_metric.MetricRow] = defaultdict(job_metric.MetricRow)
	for ended in batch:
		run = ended.run
		counted[bucket_of(int(run.ended_at // 60), run.queue)].methods.of(run.method).add(run)
	return counted


# Summing up


def roll_up() -> None:
	"""Minutes into hours that are over, hours into days that are over."""
	hours = HOUR.floor(clock.now() - timedelta(minutes=SETTLE_MINUTES))
	if hours <= Progress.read().hours_until:
		return
	progress = Progress.load(state.lock(STATE))
	if hours <= progress.hours_until:
		frappe.db.rollback()
		return
	_merge(MINUTE, HOUR, progress.hours_until, hours)
	progress.hours_until = hours
	days = DAY.floor(hours)
	if days > progress.days_until:
		_merge(HOUR, DAY, progress.days_until, days)
		progress.days_until = days
	baselines.refresh()
	_keep(progress)


def _merge(fine: job_metric.Scale, coarse: job_metric.Scale, since: datetime, until: datetime) -> None:
	sums: dict[Bucket, job_metric.MetricRow] = defaultdict(job_metric.MetricRow)
	for bucket, row in job_metric.read(fine, since, until):
		sums[Bucket(coarse, coarse.floor(bucket.start), bucket.queue)].merge(row)
	job_metric.add(sums)
