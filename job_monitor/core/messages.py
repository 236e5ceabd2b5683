"""Messages of findings: each code is worded here, and nowhere else. `core.schedules.messages` has those of schedules.

A function for each code makes what is wrong and what to do of the finding's values; durations are in seconds.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from job_monitor.core.durations import duration
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.wording import Number, Wording, counted, listed, say

Text = tuple[str, str]
"""What is wrong, and what to do about it ("" for nothing)."""

ALL_WORKERS, ALL_QUEUES = say("all workers"), say("all queues")
"""Subjects of findings that are about no single one."""


def finding(code: str, severity: Severity, subject: str, **values: object) -> Finding:
	"""A finding with its message.

	Args:
		values: Arguments of the code's function in `MESSAGES`.
	"""
	message, hint = MESSAGES[code](**values)
	return Finding(code, severity, subject, message, hint, values)


def worker_command(queue: str) -> str:
	"""What starts a worker for a queue. The name is anybody's who may enqueue: a shell must take it as one word."""
	return f"bench worker --queue {shlex.quote(queue)}"


def start_worker(queue: str) -> Wording:
	"""The hint for a queue that no worker serves."""
	return say("Start one: {0}", worker_command(queue))


# Queues


def _suspended() -> Text:
	return say("Workers are suspended: nothing is run."), "rq resume"


def _no_worker(queue: str = "", waiting: int = 0, oldest_seconds: float | None = None) -> Text:
	"""No `queue`: of all of them."""
	if not queue:
		message = say("No worker is alive: nothing would be run. Nothing waits yet.")
		return message, say("Start them: bench start, or supervisor")
	if not waiting:
		return say("No worker serves this queue; nothing waits in it yet."), start_worker(queue)
	jobs = _jobs_wait(waiting, oldest_seconds)
	return say("No worker serves this queue; {0}.", jobs), start_worker(queue)


def _unreadable_queue(problem: str) -> Text:
	return say("Counts are missing: {0}.", problem), ""


def _failing_jobs(queue: str, failed: int, ended: int, seconds: float) -> Text:
	message = say(
		"{0} of {1} jobs that ended in the last {2} failed.", Number(failed), Number(ended), duration(seconds)
	)
	command = f"job-monitor jobs --status failed --queue {shlex.quote(queue)}"
	return message, say("See why: {0}", command)


def _backlog(waiting: int, oldest_seconds: float, busy: int, workers: int) -> Text:
	jobs = _jobs_wait(waiting, oldest_seconds)
	message = say("{0}; {1} of {2} workers busy.", jobs, Number(busy), Number(workers))
	return message, say("Add workers, or find what takes so long.")


def _stalled_queue(
	waiting: int,
	oldest_seconds: float,
	still_seconds: float,
	workers: int,
	idle: int,
	pid: int | None,
	hostname: str,
	jobs: Sequence[str],
) -> Text:
	"""`pid` and `hostname` are of an idle worker, `jobs` what the workers run."""
	waits, still = _jobs_wait(waiting, oldest_seconds), duration(still_seconds)
	message = say("{0}; nothing has started or ended for {1}.", waits, still)
	if not idle:
		return message, say("Look at what its workers run: {0}", listed(jobs, 200))
	idlers = counted(
		idle,
		"{0} of {1} workers is idle and takes none.",
		"{0} of {1} workers are idle and take none.",
		Number(workers),
	)
	hint = say("Look at process {0} on {1}, or restart the workers: bench restart", pid, hostname)
	return say("{0} {1}", message, idlers), hint


def _jobs_wait(waiting: int, oldest_seconds: float | None) -> Wording:
	since = (
		say("the oldest for {0}", duration(oldest_seconds))
		if oldest_seconds is not None
		else say("since an unknown time")
	)
	return say("{0}, {1}", counted(waiting, "{0} job waits", "{0} jobs wait"), since)


# Workers


def _dead_worker(status: str, reason: str, job: str, pid: int | None, hostname: str) -> Text:
	return _absent(status, reason, job), say("Restart it: bench restart")


def _late_worker(status: str, reason: str, job: str, pid: int | None, hostname: str) -> Text:
	return _absent(status, reason, job), say("Look at process {0} on {1}.", pid, hostname)


def _absent(status: str, reason: str, job: str) -> Wording:
	message = say("Worker is {0}: {1}.", Wording(status), reason)
	return say("{0} {1}", message, say("It held job {0}.", job)) if job else message


# Jobs


def _orphaned_job(method: str, worker: str) -> Text:
	message = say("{0} is marked as started, but its worker {1} is gone.", method, worker)
	hint = say("RQ fails it at the next cleanup; look for an out-of-memory kill, then run it again.")
	return message, hint


def _past_timeout(method: str, over_seconds: float, timeout_seconds: float, worker: str) -> Text:
	over, timeout = duration(over_seconds), duration(timeout_seconds)
	message = say("{0} runs {1} past its timeout of {2}.", method, over, timeout)
	return message, say("Its worker is {0}.", worker or say("unknown"))


def _zombie(job: str, method: str, status: str, seconds: float | None) -> Text:
	name = method or say("a job")
	message = say(
		"Zombie: {0} says {1} since {2}, but is in no queue or registry.",
		name,
		Wording(status),
		duration(seconds),
	)
	command = f"job-monitor remove {shlex.quote(job)}"
	return message, say("Nothing runs it, and its id may block a schedule: {0}", command)


# Sites


def _lost_runs(runs: int, last_at: str) -> Text:
	"""`last_at`: in the site's time zone."""
	message = say("{0} runs of jobs were never written down, the last found at {1}.", Number(runs), last_at)
	hint = say(
		"Counts, rates and rules know nothing of them. Too many waited, Redis could not be told, or one could not be "
		"read: logs/job_monitor.log says which."
	)
	return message, hint


def _unconfirmed_site(here: str, live: str) -> Text:
	message = say(
		"Nobody is told of alerts: the rules are looked at elsewhere than before, so this may be a copy."
	)
	hint = say(
		"Here: {0}. The live site as it is known: {1}. If this is the live site, say so in Job Monitor Settings.",
		here,
		live,
	)
	return message, hint


MESSAGES: dict[str, Callable[..., Text]] = {
	"suspended": _suspended,
	"no-worker": _no_worker,
	"unreadable-queue": _unreadable_queue,
	"failing-jobs": _failing_jobs,
	"backlog": _backlog,
	"stalled-queue": _stalled_queue,
	"dead-worker": _dead_worker,
	"late-worker": _late_worker,
	"orphaned-job": _orphaned_job,
	"past-timeout": _past_timeout,
	"zombie": _zombie,
	"lost-runs": _lost_runs,
	"unconfirmed-site": _unconfirmed_site,
}
"""By the code of a finding."""
