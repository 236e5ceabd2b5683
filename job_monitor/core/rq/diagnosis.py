"""Judges a snapshot: pure, no Redis. Each finding says what is wrong, since when, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from job_monitor.core import clock, limits
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.rq import keys
from job_monitor.core.rq.records import Job, Queue, Snapshot, Verdict, Worker
from job_monitor.core.wording import Wording, counted, say

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
			say("all workers"),
			say("Workers are suspended: nothing is run."),
			"rq resume",
		)


def _unserved(snapshot: Snapshot) -> Iterator[Finding]:
	"""Queues that nobody serves, in which nothing waits yet. `_waiting` tells of the others."""
	alive = snapshot.living
	waiting = {queue.short_name for queue in snapshot.queues if queue.counts.get(keys.QUEUED)}
	served = {keys.short_name(queue) for worker in alive for queue in worker.queues}
	if not alive and not snapshot.suspended and not waiting:
		message = say("No worker is alive: nothing would be run. Nothing waits yet.")
		hint = say("Start them: bench start, or supervisor")
		yield Finding("no-worker", Severity.CRITICAL, say("all queues"), message, hint)
	for name in snapshot.configured if alive or waiting else ():
		if name not in served | waiting:
			hint = say("Start one: {0}", worker_command(name))
			message = say("No worker serves this queue; nothing waits in it yet.")
			yield Finding("no-worker", Severity.WARNING, name, message, hint)


def _queues(snapshot: Snapshot) -> Iterator[Finding]:
	for queue in snapshot.queues:
		if queue.problem:
			message = say("Counts are missing: {0}.", queue.problem)
			yield Finding("unreadable-queue", Severity.WARNING, queue.name, message)
		waiting = queue.counts.get(keys.QUEUED, 0)
		if waiting:
			yield from _waiting(queue, waiting, snapshot)
		yield from _failing(queue)


def _failing(queue: Queue) -> Iterator[Finding]:
	failed = queue.failed_lately
	if failed >= FAILING_LEAST and failed >= queue.finished_lately:
		ended = failed + queue.finished_lately
		message = say(
			"{0} of {1} jobs that ended in the last {2} failed.",
			f"{failed:,}",
			f"{ended:,}",
			duration(limits.LATELY_SECONDS),
		)
		command = f"job-monitor jobs --status failed --queue {shlex.quote(queue.short_name)}"
		hint = say("See why: {0}", command)
		yield Finding("failing-jobs", Severity.WARNING, queue.name, message, hint)


def _waiting(queue: Queue, waiting: int, snapshot: Snapshot) -> Iterator[Finding]:
	served = snapshot.serving(queue)
	age = queue.oldest_age(snapshot.taken_at)
	since = say("the oldest for {0}", duration(age)) if age is not None else say("since an unknown time")
	jobs = say("{0}, {1}", counted(waiting, "{0} job waits", "{0} jobs wait"), since)
	if not served:
		hint = say("Start one: {0}", worker_command(queue.short_name))
		message = say("No worker serves this queue; {0}.", jobs)
		yield Finding("no-worker", Severity.CRITICAL, queue.name, message, hint)
	elif age is None or snapshot.suspended:
		return
	elif age >= limits.STANDSTILL_SECONDS and not moves(queue, snapshot, limits.STANDSTILL_SECONDS):
		yield _standstill(queue, jobs, age, served, snapshot)
	elif age >= limits.BACKLOG_SECONDS:
		busy = sum(worker.state == "busy" for worker in served)
		message = say("{0}; {1} of {2} workers busy.", jobs, busy, len(served))
		hint = say("Add workers, or find what takes so long.")
		yield Finding("backlog", Severity.WARNING, queue.name, message, hint)


def _standstill(queue: Queue, jobs: Wording, age: float, served: list[Worker], snapshot: Snapshot) -> Finding:
	"""Critical at once if a worker could take a job and does not; else once all have been busy for long."""
	idle = [worker for worker in served if worker.state != "busy"]
	long = age >= limits.STALLED_SECONDS and not moves(queue, snapshot)
	still = duration(limits.STALLED_SECONDS if long else limits.STANDSTILL_SECONDS)
	message = say("{0}; nothing has started or ended for {1}.", jobs, still)
	running = listed(sorted(w.current_job_id for w in served), 200)
	hint = say("Look at what its workers run: {0}", running)
	if idle:
		idlers = counted(
			len(idle),
			"{0} of {1} workers is idle and takes none.",
			"{0} of {1} workers are idle and take none.",
			len(served),
		)
		message = say("{0} {1}", message, idlers)
		hint = say(
			"Look at process {0} on {1}, or restart the workers: bench restart", idle[0].pid, idle[0].hostname
		)
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
		dead = worker.is_dead
		severity = Severity.CRITICAL if dead and worker.current_job_id else Severity.WARNING
		message = say("Worker is {0}: {1}.", Wording(worker.verdict.value), worker.reason)
		if worker.current_job_id:
			message = say("{0} {1}", message, say("It held job {0}.", worker.current_job_id))
		hint = (
			say("Restart it: bench restart")
			if dead
			else say("Look at process {0} on {1}.", worker.pid, worker.hostname)
		)
		yield Finding(f"{worker.verdict.value}-worker", severity, worker.name, message, hint)


def _running(snapshot: Snapshot) -> Iterator[Finding]:
	workers = {worker.name: worker for worker in snapshot.workers}
	for job in snapshot.running:
		if job.status != keys.STARTED:  # it ended, and perhaps its worker left, while all this was read
			continue
		worker = workers.get(job.worker)
		name = job.method or job.id
		if job.worker and (worker is None or worker.is_dead):
			message = say("{0} is marked as started, but its worker {1} is gone.", name, job.worker)
			hint = say("RQ fails it at the next cleanup; look for an out-of-memory kill, then run it again.")
			yield Finding("orphaned-job", Severity.CRITICAL, job.id, message, hint)
		elif (over := overtime(job, snapshot.taken_at)) is not None:
			message = say(
				"{0} runs {1} past its timeout of {2}.", name, duration(over), duration(job.timeout)
			)
			hint = say("Its worker is {0}.", job.worker or say("unknown"))
			yield Finding("past-timeout", Severity.CRITICAL, job.id, message, hint)


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
		message = say(
			"Zombie: {0} says {1} since {2}, but is in no queue or registry.",
			job.method or say("a job"),
			Wording(job.status),
			age,
		)
		command = f"job-monitor remove {shlex.quote(job.id)}"
		hint = say("Nothing runs it, and its id may block a schedule: {0}", command)
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
	first = ", ".join(names[:shown])
	return say("{0} and {1} more", first, f"{rest:,}") if rest > 0 else first


def duration(seconds: float | None) -> Wording:
	"""Seconds as people say them: `4 s`, `12 min`, `3.5 h`, `2 d`."""
	if seconds is None:
		return say("unknown")
	if 0 < seconds < 0.9995:
		return say("{0} ms", f"{seconds * 1000:.0f}")
	seconds = round(seconds)
	for size, unit in _UNITS:
		if seconds >= size:
			value = seconds / size
			return Wording(unit, f"{value:.1f}" if value < 10 and size > 60 else f"{value:.0f}")
	return say("{0} s", seconds)


_UNITS = ((86400, say("{0} d")), (3600, say("{0} h")), (60, say("{0} min")))
