"""Judges a snapshot: pure, no Redis. Each finding says what is wrong, since when, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from job_monitor.core import clock, limits
from job_monitor.core.findings import Finding, Severity
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
		yield Finding(
			"suspended",
			Severity.CRITICAL,
			"all workers",
			"Workers are suspended: nothing is run.",
			"rq resume",
		)


def _unserved(snapshot: Snapshot) -> Iterator[Finding]:
	"""Queues that nobody serves, in which nothing waits yet. `_waiting` tells of the others."""
	alive = snapshot.living
	waiting = {queue.short_name for queue in snapshot.queues if queue.counts.get(keys.QUEUED)}
	served = {keys.short_name(queue) for worker in alive for queue in worker.queues}
	if not alive and not snapshot.suspended and not waiting:
		message = "No worker is alive: nothing would be run. Nothing waits yet."
		yield Finding(
			"no-worker", Severity.CRITICAL, "all queues", message, "Start them: bench start, or supervisor"
		)
	for name in snapshot.configured if alive or waiting else ():
		if name not in served | waiting:
			hint = f"Start one: {worker_command(name)}"
			message = "No worker serves this queue; nothing waits in it yet."
			yield Finding("no-worker", Severity.WARNING, name, message, hint)


def _queues(snapshot: Snapshot) -> Iterator[Finding]:
	for queue in snapshot.queues:
		if queue.problem:
			yield Finding(
				"unreadable-queue", Severity.WARNING, queue.name, f"Counts are missing: {queue.problem}."
			)
		waiting = queue.counts.get(keys.QUEUED, 0)
		if waiting:
			yield from _waiting(queue, waiting, snapshot)
		yield from _failing(queue)


def _failing(queue: Queue) -> Iterator[Finding]:
	failed = queue.failed_lately
	if failed >= FAILING_LEAST and failed >= queue.finished_lately:
		ended = failed + queue.finished_lately
		message = (
			f"{failed:,} of {ended:,} jobs that ended in the last {duration(limits.LATELY_SECONDS)} failed."
		)
		hint = f"See why: job-monitor jobs --status failed --queue {shlex.quote(queue.short_name)}"
		yield Finding("failing-jobs", Severity.WARNING, queue.name, message, hint)


def _waiting(queue: Queue, waiting: int, snapshot: Snapshot) -> Iterator[Finding]:
	served = snapshot.serving(queue)
	age = queue.oldest_age(snapshot.taken_at)
	since = f"the oldest for {duration(age)}" if age is not None else "since an unknown time"
	jobs = f"{waiting:,} {'job waits' if waiting == 1 else 'jobs wait'}"
	if not served:
		hint = f"Start one: {worker_command(queue.short_name)}"
		message = f"No worker serves this queue; {jobs}, {since}."
		yield Finding("no-worker", Severity.CRITICAL, queue.name, message, hint)
	elif age is None or snapshot.suspended:
		return
	elif age >= limits.STANDSTILL_SECONDS and not moves(queue, snapshot, limits.STANDSTILL_SECONDS):
		yield _standstill(queue, f"{jobs}, {since}", age, served, snapshot)
	elif age >= limits.BACKLOG_SECONDS:
		busy = sum(worker.state == "busy" for worker in served)
		message = f"{jobs}, {since}; {busy} of {len(served)} workers busy."
		yield Finding(
			"backlog", Severity.WARNING, queue.name, message, "Add workers, or find what takes so long."
		)


def _standstill(queue: Queue, jobs: str, age: float, served: list[Worker], snapshot: Snapshot) -> Finding:
	"""Critical at once if a worker could take a job and does not; else once all have been busy for long."""
	idle = [worker for worker in served if worker.state != "busy"]
	long = age >= limits.STALLED_SECONDS and not moves(queue, snapshot)
	still = duration(limits.STALLED_SECONDS if long else limits.STANDSTILL_SECONDS)
	message = f"{jobs}; nothing has started or ended for {still}."
	hint = f"Look at what its workers run: {listed(sorted(w.current_job_id for w in served), 200)}"
	if idle:
		message += (
			f" {len(idle)} of {len(served)} workers {'is' if len(idle) == 1 else 'are'} idle and take none."
		)
		hint = f"Look at process {idle[0].pid} on {idle[0].hostname}, or restart the workers: bench restart"
	severity = Severity.CRITICAL if idle or long else Severity.WARNING
	return Finding("stalled-queue", severity, queue.name, message, hint)


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
		dead = worker.is_dead
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
		if job.worker and (worker is None or worker.is_dead):
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


def worker_command(queue: str) -> str:
	"""What starts a worker for a queue. The name is anybody's who may enqueue: a shell must take it as one word."""
	return f"bench worker --queue {shlex.quote(queue)}"


def listed(names: Sequence[str], most_chars: int) -> str:
	"""As many names as fit, and how many do not: `a, b and 12 more`. The first is always there."""
	shown = 1
	while shown < len(names) and len(", ".join(names[: shown + 1])) <= most_chars:
		shown += 1
	rest = len(names) - shown
	return ", ".join(names[:shown]) + (f" and {rest:,} more" if rest > 0 else "")


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
