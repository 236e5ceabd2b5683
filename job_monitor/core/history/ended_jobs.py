"""How a job ended, by what RQ keeps of it: status, results, traceback (rq 1.15.1 to 2.6.1: `worker.py`, `registry.py`,
`results.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.errors import JobNotFound
from job_monitor.core.history.run_entries import Failure
from job_monitor.core.history.run_records import FAILED, KILLED, STOPPED, SUCCESS, TIMEOUT, Run
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.job_fields import exception_text
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.records import Job, Worker

_KILLED = ("Work-horse terminated unexpectedly", "AbandonedJobError", "Work-horse process was terminated")
_STOPPED = ("Job stopped by user",)
_TIMEOUT = ("JobTimeoutException", "HorseMonitorTimeoutException")

_RESULTS = {"1": SUCCESS, "2": FAILED, "3": STOPPED}
"""Types of RQ's results (rq `results.py`). Of a job that is stopped RQ notes a failure."""

_UNKNOWN = {
	STOPPED: "Somebody stopped it; RQ has nothing more of it.",
	KILLED: "The process that ran it vanished.",
}


def failure_of(job: Job | None, outcome: str) -> tuple[Failure, str]:
	"""The failure of a run whose end no hook saw, and its outcome by the last line of RQ's traceback."""
	text = job.exception.strip() if job else ""
	last = text.rsplit("\n", 1)[-1].strip()
	if outcome == FAILED:
		outcome = TIMEOUT if _holds(last, _TIMEOUT) else KILLED if _holds(last, _KILLED) else FAILED
	kind, _, message = last.partition(": ")
	if not kind.replace(".", "").isidentifier():
		kind, message = {STOPPED: "Stopped", KILLED: "Killed"}.get(outcome, "Failed"), last
	arguments = job.arguments[: limits.ARGUMENT_CHARS] if job else ""
	message = message or ("" if last else _UNKNOWN.get(outcome, _UNKNOWN[KILLED]))
	return Failure(
		kind.rsplit(".", 1)[-1], message[: limits.MESSAGE_CHARS], text[-limits.TRACEBACK_CHARS :], arguments
	), outcome


def was_stopped(text: str) -> bool:
	"""Whether RQ noted that somebody stopped the job."""
	return _holds(text, _STOPPED)


def _holds(text: str, words: Iterable[str]) -> bool:
	return any(word in text for word in words)


def judge(run: Run, job: Job, worker: Worker | None) -> str:
	"""The outcome of a run whose end no hook reported, by RQ's status of its job now; "" if it may still be running.

	FAILED stands for each outcome that RQ counts as failed: `failure_of` tells a timeout and a killed run by the traceback.

	Args:
		worker: The run's worker; None if RQ knows it no more.
	"""
	if not job.status or is_later(run, job):
		return KILLED
	if job.status == keys.STARTED:
		gone = worker is None or worker.is_dead or run.job_id not in worker.current_job_ids
		return KILLED if gone else ""
	return {"finished": SUCCESS, keys.FAILED: FAILED, "stopped": STOPPED, "canceled": STOPPED}.get(
		job.status, KILLED
	)


def is_later(run: Run, job: Job) -> bool:
	"""Whether the job's hash is about a later run of the job: RQ notes a start before Frappe's hooks run."""
	return job.started_at is not None and job.started_at.timestamp() > run.started_at


def as_of_result(client: RqClient, job: Job, results: Any) -> tuple[str, Job] | None:
	"""The outcome that the first of these results tells, and the job as it was then. None if there is none."""
	if not isinstance(results, list) or not results:
		return None
	ended_at = clock.from_epoch(int(results[0][0].split(b"-")[0]) / 1000)
	if ended_at is None or (job.started_at is not None and ended_at > job.started_at):
		return None
	text = exception_text(results, None, limits.TRACEBACK_CHARS, client.redactor)
	kind = keys.text(dict(results[0][1]).get(b"type"))
	outcome = STOPPED if was_stopped(text) else _RESULTS.get(kind, FAILED)
	return outcome, replace(job, ended_at=ended_at, exception=text)


def full_job(client: RqClient, job: Job) -> Job | None:
	"""The job with arguments and traceback, None if it expired meanwhile. Cost: `rq.jobs.read_job`."""
	try:
		return read_job(client, job.id)
	except JobNotFound:
		return None
