"""Judges a snapshot: pure, no Redis. Says what is wrong, by code and values; `core.messages` has the words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from job_monitor.core import clock, limits, messages
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.messages import finding
from job_monitor.core.rq import keys
from job_monitor.core.rq.records import Job, Queue, Snapshot, Verdict, Worker

FAILING_LEAST = 10
"""Failures in `limits.LATELY_SECONDS`, of half of all that ended, from which they are reported together."""


def diagnose(snapshot: Snapshot) -> list[Finding]:
	"""What is wrong, critical things first. An empty list means: nothing of what is checked."""
	found = [
		*_suspended(snapshot),
		*_queues(snapshot),
		*_workers(snapshot.workers),
		*_running(snapshot),
		*_unserved(snapshot),
		*_zombies(snapshot.zombies.jobs, snapshot.taken_at),
	]
	return sorted(found, key=lambda finding: finding.severity is not Severity.CRITICAL)


def _suspended(snapshot: Snapshot) -> Iterator[Finding]:
	if snapshot.suspended:
		yield finding("suspended", Severity.CRITICAL, messages.ALL_WORKERS)


def _unserved(snapshot: Snapshot) -> Iterator[Finding]:
	"""Queues that nobody serves, in which nothing waits yet. `_waiting` finds the others."""
	alive = snapshot.living
	waiting = {queue.short_name for queue in snapshot.queues if queue.counts.get(keys.QUEUED)}
	served = {keys.short_name(queue) for worker in alive for queue in worker.queues}
	if not alive and not snapshot.suspended and not waiting:
		yield finding("no-worker", Severity.CRITICAL, messages.ALL_QUEUES)
	for name in snapshot.configured if alive or waiting else ():
		if name not in served | waiting:
			yield finding("no-worker", Severity.WARNING, name, queue=name)


def _queues(snapshot: Snapshot) -> Iterator[Finding]:
	for queue in snapshot.queues:
		if queue.problem:
			yield finding("unreadable-queue", Severity.WARNING, queue.name, problem=queue.problem)
		waiting = queue.counts.get(keys.QUEUED, 0)
		if waiting:
			yield from _waiting(queue, waiting, snapshot)
		yield from _failing(queue)


def _failing(queue: Queue) -> Iterator[Finding]:
	failed = queue.failed_lately
	if failed >= FAILING_LEAST and failed >= queue.finished_lately:
		yield finding(
			"failing-jobs",
			Severity.WARNING,
			queue.name,
			queue=queue.short_name,
			failed=failed,
			ended=failed + queue.finished_lately,
			seconds=limits.LATELY_SECONDS,
		)


def _waiting(queue: Queue, waiting: int, snapshot: Snapshot) -> Iterator[Finding]:
	served = snapshot.serving(queue)
	age = queue.oldest_age(snapshot.taken_at)
	waits = {"waiting": waiting, "oldest_seconds": age}
	if not served:
		yield finding("no-worker", Severity.CRITICAL, queue.name, queue=queue.short_name, **waits)
	elif age is None or snapshot.suspended:
		return
	elif age >= limits.STANDSTILL_SECONDS and not moves(queue, snapshot, limits.STANDSTILL_SECONDS):
		yield _standstill(queue, waiting, age, served, snapshot)
	elif age >= limits.BACKLOG_SECONDS:
		busy = sum(worker.state == "busy" for worker in served)
		yield finding("backlog", Severity.WARNING, queue.name, **waits, busy=busy, workers=len(served))


def _standstill(queue: Queue, waiting: int, age: float, served: list[Worker], snapshot: Snapshot) -> Finding:
	"""Critical at once if a worker could take a job and does not; else once all have been busy for long."""
	idle = [worker for worker in served if worker.state != "busy"]
	long = age >= limits.STALLED_SECONDS and not moves(queue, snapshot)
	return finding(
		"stalled-queue",
		Severity.CRITICAL if idle or long else Severity.WARNING,
		queue.name,
		waiting=waiting,
		oldest_seconds=age,
		still_seconds=limits.STALLED_SECONDS if long else limits.STANDSTILL_SECONDS,
		workers=len(served),
		idle=len(idle),
		pid=idle[0].pid if idle else None,
		hostname=idle[0].hostname if idle else "",
		jobs=sorted(worker.current_job_id for worker in served),
	)


def moves(queue: Queue, snapshot: Snapshot, seconds: float = limits.STALLED_SECONDS) -> bool:
	"""Whether a job of this queue ended, or started on one of its workers, within so many seconds."""
	served = {worker.name for worker in snapshot.workers if queue.name in worker.queues}
	started = [job.started_at for job in snapshot.running if job.worker in served]
	moments = [moment for moment in (queue.last_ended_at, *started) if moment is not None]
	return any((snapshot.taken_at - moment).total_seconds() < seconds for moment in moments)


def _workers(workers: Iterable[Worker]) -> Iterator[Finding]:
	for worker in workers:
		if worker.verdict is Verdict.ALIVE:
			continue
		yield finding(
			f"{worker.verdict.value}-worker",
			Severity.CRITICAL if worker.is_dead and worker.current_job_id else Severity.WARNING,
			worker.name,
			status=worker.verdict.value,
			reason=worker.reason,
			job=worker.current_job_id,
			pid=worker.pid,
			hostname=worker.hostname,
		)


def _running(snapshot: Snapshot) -> Iterator[Finding]:
	workers = {worker.name: worker for worker in snapshot.workers}
	for job in snapshot.running:
		if job.status != keys.STARTED:  # it ended, and perhaps its worker left, while all this was read
			continue
		worker = workers.get(job.worker)
		runs = {"method": job.method or job.id, "worker": job.worker}
		if job.worker and (worker is None or worker.is_dead):
			yield finding("orphaned-job", Severity.CRITICAL, job.id, **runs)
		elif (over := overtime(job, snapshot.taken_at)) is not None:
			times = {"over_seconds": over, "timeout_seconds": job.timeout}
			yield finding("past-timeout", Severity.CRITICAL, job.id, **runs, **times)


def overtime(job: Job, now: datetime) -> float | None:
	"""Seconds a started job has run past its timeout and the grace, None if it has not."""
	runs = clock.seconds_between(job.started_at, now)
	if runs is None or job.timeout is None or job.timeout <= 0:
		return None
	over = runs - job.timeout
	return over if over > limits.TIMEOUT_GRACE_SECONDS else None


def _zombies(jobs: Iterable[Job], now: datetime) -> Iterator[Finding]:
	for job in jobs:
		age = clock.seconds_between(job.enqueued_at or job.created_at, now)
		what = {"job": job.id, "method": job.method, "status": job.status}
		yield finding("zombie", Severity.CRITICAL, job.id, **what, seconds=age)
