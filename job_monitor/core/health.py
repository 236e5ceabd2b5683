"""Judges a snapshot: pure, no Redis. Each finding says what is wrong, since when, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime

from job_monitor.core import clock, keys, limits
from job_monitor.core.records import Finding, Job, Queue, Severity, Snapshot, Verdict, Worker


def diagnose(snapshot: Snapshot) -> list[Finding]:
	"""What is wrong, critical things first. An empty list means: nothing of what is checked."""
	found = [
		*_suspended(snapshot),
		*_queues(snapshot),
		*_workers(snapshot.workers),
		*_running(snapshot),
		*_zombies(snapshot.zombies.jobs, snapshot.taken_at),
	]
	return sorted(found, key=lambda finding: finding.severity is not Severity.CRITICAL)


def _suspended(snapshot: Snapshot) -> Iterator[Finding]:
	if snapshot.suspended:
		yield Finding(
			"suspended",
			Severity.CRITICAL,
			"all workers",
			"Workers are suspended: nothing is run.",
			"rq resume",
		)


def _queues(snapshot: Snapshot) -> Iterator[Finding]:
	for queue in snapshot.queues:
		if queue.problem:
			yield Finding(
				"unreadable-queue", Severity.WARNING, queue.name, f"Counts are missing: {queue.problem}."
			)
		waiting = queue.counts.get(keys.QUEUED, 0)
		if waiting:
			yield from _waiting(queue, waiting, snapshot)


def _waiting(queue: Queue, waiting: int, snapshot: Snapshot) -> Iterator[Finding]:
	served = [w for w in snapshot.workers if queue.name in w.queues and w.verdict is not Verdict.DEAD]
	age = queue.oldest_age(snapshot.taken_at)
	since = f"the oldest for {duration(age)}" if age is not None else "since an unknown time"
	jobs = f"{waiting:,} {'job waits' if waiting == 1 else 'jobs wait'}"
	if not served:
		hint = f"Start one: bench worker --queue {queue.short_name}"
		message = f"No worker serves this queue; {jobs}, {since}."
		yield Finding("no-worker", Severity.CRITICAL, queue.name, message, hint)
	elif age is None or snapshot.suspended:
		return
	elif age >= limits.STALLED_SECONDS and not moves(queue, snapshot):
		message = f"{jobs}, {since}; nothing has started or ended for {duration(limits.STALLED_SECONDS)}."
		hint = "Look at what its workers run: " + (
			", ".join(sorted(w.current_job_id for w in served))[:200] or "nothing"
		)
		yield Finding("stalled-queue", Severity.CRITICAL, queue.name, message, hint)
	elif age >= limits.BACKLOG_SECONDS:
		busy = sum(worker.state == "busy" for worker in served)
		message = f"{jobs}, {since}; {busy} of {len(served)} workers busy."
		yield Finding(
			"backlog", Severity.WARNING, queue.name, message, "Add workers, or find what takes so long."
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
		running = f" It held job {worker.current_job_id}." if worker.current_job_id else ""
		dead = worker.verdict is Verdict.DEAD
		severity = Severity.CRITICAL if dead and worker.current_job_id else Severity.WARNING
		message = f"Worker is {worker.verdict.value}: {worker.reason}.{running}"
		hint = "Restart it: bench restart" if dead else f"Look at process {worker.pid} on {worker.hostname}."
		yield Finding(f"{worker.verdict.value}-worker", severity, worker.name, message, hint)


def _running(snapshot: Snapshot) -> Iterator[Finding]:
	workers = {worker.name: worker for worker in snapshot.workers}
	for job in snapshot.running:
		if job.status != keys.STARTED:  # it ended, and perhaps its worker left, while all this was read
			continue
		worker = workers.get(job.worker)
		name = job.method or job.id
		if job.worker and (worker is None or worker.verdict is Verdict.DEAD):
			message = f"{name} is marked as started, but its worker {job.worker} is gone."
			hint = "RQ fails it at the next cleanup; look for an out-of-memory kill, then run it again."
			yield Finding("orphaned-job", Severity.CRITICAL, job.id, message, hint)
		elif (over := overtime(job, snapshot.taken_at)) is not None:
			message = f"{name} runs {duration(over)} past its timeout of {duration(job.timeout)}."
			yield Finding(
				"past-timeout",
				Severity.CRITICAL,
				job.id,
				message,
				f"Its worker is {job.worker or 'unknown'}.",
			)


def overtime(job: Job, now: datetime) -> float | None:
	"""Seconds a started job has run past its timeout and the grace, None if it has not."""
	runs = clock.seconds_between(job.started_at, now)
	if runs is None or job.timeout is None or job.timeout <= 0:
		return None
	over = runs - job.timeout
	return over if over > limits.TIMEOUT_GRACE_SECONDS else None


def _zombies(jobs: Iterable[Job], now: datetime) -> Iterator[Finding]:
	for job in jobs:
		age = duration(clock.seconds_between(job.enqueued_at or job.created_at, now))
		message = (
			f"Zombie: {job.method or 'a job'} says {job.status} since {age}, but is in no queue or registry."
		)
		hint = f"Nothing runs it, and its id may block a schedule: job-monitor remove {shlex.quote(job.id)}"
		yield Finding("zombie", Severity.CRITICAL, job.id, message, hint)


def duration(seconds: float | None) -> str:
	"""Seconds as people say them: `4 s`, `12 min`, `3.5 h`, `2 d`."""
	if seconds is None:
		return "unknown"
	if 0 < seconds < 0.9995:
		return f"{seconds * 1000:.0f} ms"
	seconds = round(seconds)
	for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
		if seconds >= size:
			value = seconds / size
			return f"{value:.1f} {unit}" if value < 10 and unit != "min" else f"{value:.0f} {unit}"
	return f"{seconds} s"
