"""Moves runs that ended from Redis into the site's database: counts by minute, and failures.

Each run is counted exactly once: the position up to which runs were read is written in the transaction that counts them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

import frappe
from frappe.utils import background_jobs, cint
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge import context
from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import Bucket
from job_monitor.bridge.history.recorder_progress import STATE, Progress, drop_future_rows
from job_monitor.bridge.site import state
from job_monitor.core import clock, limits
from job_monitor.core.errors import CouldNotAsk
from job_monitor.core.history import failed_registries, reconcile
from job_monitor.core.history.run_entries import Ended
from job_monitor.core.history.run_records import SUCCESS
from job_monitor.core.history.runs import FIRST, RunLog
from job_monitor.core.rq import workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.keys import QUEUED
from job_monitor.core.rq.queues import read_queues
from job_monitor.recorder import failures, rollup


def ingest(seconds: float = 60) -> int:
	"""Write the runs that ended into the database, and add up what is over. Returns the number of runs. Commits.

	Args:
		seconds: No batch is begun after this time.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	client = context.client()
	log = RunLog(client.connection, client.bench or "", frappe.local.site)
	deadline = time.monotonic() + seconds
	_reconcile(client, log)
	_sample_queues(client)
	written = _write_batches(log, deadline)
	rollup.roll_up()
	return written


def _reconcile(client: RqClient, log: RunLog) -> None:
	"""Find the runs whose end no hook reported, and count those that were dropped."""
	saved = state.lock(STATE)
	progress = Progress.load(saved)
	drop_future_rows(saved)
	found = log.state()
	if found.born != progress.born:
		# Redis was emptied, and its clock may have been another one: every run there is new
		progress.born, progress.after = found.born, FIRST
	elif found.waiting:
		log.forget_upto(progress.after)
	reconcile.close(client, log, lambda: workers.read_all(client))
	failure_ttl = cint(frappe.conf.rq_job_failure_ttl) or background_jobs.RQ_JOB_FAILURE_TTL
	expiry = clock.now().timestamp() + failure_ttl
	progress.cursors = failed_registries.catch_up(client, log, frappe.local.site, progress.cursors, expiry)[0]
	if found.dropped:
		progress.lose(found.dropped)
	if progress.dump() == saved:  # a quiet site: nothing is written
		frappe.db.rollback()
	else:
		_save(progress)
	if found.dropped:
		log.drop(-found.dropped)


def _save(progress: Progress) -> None:
	state.put(STATE, progress.dump())
	frappe.db.commit()


def _sample_queues(client: RqClient) -> None:
	"""Note in this minute's rows how many jobs wait, and how long."""
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

_RETRY, _SKIP = 0, -1
"""Stands for a size after a batch of one run has failed: the run is tried once more, then left out."""


def _write_batches(log: RunLog, deadline: float) -> int:
	"""Write the runs that wait, batch by batch. Returns their number.

	A batch that fails, or kills this process, is tried again with half as many runs. A single run that fails is left
	out, so that it stops neither the runs after it nor the site's alerts.
	"""
	written = 0
	while (found := log.state()).waiting:
		size = limits.RUN_BATCH if found.batch is None else found.batch
		log.note_batch(_size_after_failure(size))
		try:
			if size <= _SKIP:
				_skip_run(log)
			number = _write_batch(log, max(1, size))
		except (CouldNotAsk, BaseTimeoutException):
			raise
		except Exception as error:
			frappe.db.rollback()
			_check_database(log, size)
			frappe.logger("job_monitor").error(f"{max(1, size)} runs are not written down", exc_info=error)
		else:
			log.note_batch(size * 2 if 0 < 2 * size < limits.RUN_BATCH and number == size else None)
			written += number
			if not number:
				break
		if time.monotonic() > deadline:
			break
	return written


def _size_after_failure(size: int) -> int:
	if size > 1:
		return size // 2
	return _RETRY if size == 1 else _SKIP


def _write_batch(log: RunLog, size: int) -> int:
	progress = Progress.load(state.lock(STATE))
	batch = log.ended(progress.after, size)
	if not batch:
		frappe.db.rollback()
		return 0
	job_metric.add(_counted(batch, progress))
	failures.add([ended for ended in batch if ended.run.outcome != SUCCESS])
	progress.after = batch[-1].position
	_save(progress)
	log.forget(batch)
	return len(batch)


def _skip_run(log: RunLog) -> None:
	"""Leave out the first run, which cannot be written; it is counted as lost."""
	progress = Progress.load(state.lock(STATE))
	for ended in log.ended(progress.after, 1):
		progress.after = ended.position
		progress.lose(1)
		_save(progress)
		log.forget([ended])
		frappe.logger("job_monitor").error(f"a run is left out: {ended.run.job_id!r:.500}")


def _check_database(log: RunLog, size: int) -> None:
	"""Write something else, because a database that takes nothing is not the fault of a batch.

	Raises:
		Exception: The database does not take it either. The size of the batch stays as it was.
	"""
	try:
		state.put(STATE, state.lock(STATE) or "{}")
		frappe.db.commit()
	except Exception:
		log.note_batch(size)
		raise


def _counted(batch: Iterable[Ended], progress: Progress) -> dict[Bucket, job_metric.MetricRow]:
	"""The runs of a batch by minute and queue."""

	@lru_cache(maxsize=10_000)
	def bucket_of(minute: int, queue: str) -> Bucket:
		return progress.bucket(min(clock.from_epoch(minute * 60) or now, now), queue)

	now = clock.now()  # a worker's host may be ahead

	counted: dict[Bucket, job_metric.MetricRow] = defaultdict(job_metric.MetricRow)
	for ended in batch:
		run = ended.run
		counted[bucket_of(int(run.ended_at // 60), run.queue)].methods.of(run.method).add(run)
	return counted
