"""Runs whose end no hook saw: killed, stopped, abandoned, or failed before Frappe's hooks were called.

What RQ knows of the job tells how it ended. RQ's words: rq 1.15.1 to 2.3.2 `worker.py`, `registry.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from job_monitor.core import clock, keys, limits
from job_monitor.core.errors import JobNotFound
from job_monitor.core.records import Job, Verdict, Worker
from job_monitor.core.runs import FAILED, KILLED, STOPPED, SUCCESS, TIMEOUT, Failure, Run, RunLog
from job_monitor.core.store import Store

_KILLED = ("Work-horse terminated unexpectedly", "AbandonedJobError", "Work-horse process was terminated")
_TIMEOUT = ("JobTimeoutException", "HorseMonitorTimeoutException")

Marks = dict[str, float]
"""How far the failed registry of each queue was looked through: the score of its last entry."""


def close(store: Store, log: RunLog, workers: Iterable[Worker]) -> int:
	"""End runs that cannot be going on. Returns how many. Two round trips, and some for each that ended."""
	now = clock.now()
	runs = [r for r in log.running() if now.timestamp() - r.started_at > limits.RUN_GRACE_SECONDS]
	known = {worker.name: worker for worker in workers}
	closed = 0
	for start in range(0, len(runs), limits.CHUNK_ROWS):
		chunk = runs[start : start + limits.CHUNK_ROWS]
		jobs = store.rows([("", run.job_id) for run in chunk], frozenset())
		for run, job in zip(chunk, jobs, strict=True):
			outcome = judge(run, job, known.get(run.worker))
			if outcome:
				closed += log.end(*_ended(store, run, job, outcome, now))
	return closed


def judge(run: Run, job: Job, worker: Worker | None) -> str:
	"""How a run ended, by what RQ says of its job now; "" if it may be going on. FAILED is not the last word: the
	traceback tells more."""
	if not job.status or is_later(run, job):
		return KILLED
	if job.status == keys.STARTED:
		gone = worker is None or worker.verdict is Verdict.DEAD or run.job_id not in worker.current_job_ids
		return KILLED if gone else ""
	return {"finished": SUCCESS, FAILED: FAILED, "stopped": STOPPED, "canceled": STOPPED}.get(
		job.status, KILLED
	)


def is_later(run: Run, job: Job) -> bool:
	"""Whether what Redis tells is of a later run of the same job: RQ notes its start before Frappe's hooks run."""
	return job.started_at is not None and job.started_at.timestamp() > run.started_at + 1


def _ended(store: Store, run: Run, job: Job, outcome: str, now: datetime) -> tuple[Run, Failure | None]:
	current = None if is_later(run, job) else job
	ended_at = (current.ended_at if current else None) or now
	duration = max(0.0, ended_at.timestamp() - run.started_at) if current and current.ended_at else None
	failure = None
	if outcome != SUCCESS:
		failure, outcome = _failure(_whole(store, job) if current else None, outcome)
	return replace(run, outcome=outcome, ended_at=ended_at.timestamp(), duration=duration), failure


def _whole(store: Store, job: Job) -> Job | None:
	try:
		return store.job(job.id)
	except JobNotFound:
		return None


def _failure(job: Job | None, outcome: str) -> tuple[Failure, str]:
	"""What is told of a failure, and its outcome as the traceback tells it."""
	text = job.exception.strip() if job else ""
	last = text.rsplit("\n", 1)[-1].strip()
	if outcome == FAILED:
		outcome = TIMEOUT if _holds(last, _TIMEOUT) else KILLED if _holds(last, _KILLED) else FAILED
	kind, _, message = last.partition(": ")
	if not kind.replace(".", "").isidentifier():
		kind, message = {STOPPED: "Stopped", KILLED: "Killed"}.get(outcome, "Failed"), last
	arguments = job.arguments[: limits.ARGUMENT_CHARS] if job else ""
	message = message or ("" if last else "The process that ran it vanished.")
	return Failure(
		kind.rsplit(".", 1)[-1], message[: limits.MESSAGE_CHARS], text[-limits.TRACEBACK_CHARS :], arguments
	), outcome


def _holds(text: str, words: Iterable[str]) -> bool:
	return any(word in text for word in words)


# Failures before the hooks


def catch_up(store: Store, log: RunLog, site: str, marks: Marks) -> tuple[Marks, int]:
	"""Note failures of a site that stand in RQ's failed registries and were never noted.

	To be called after `close`, by one process at a time. Three round trips where nothing failed.

	Returns:
		The new marks, and how many were noted. A queue without a mark is only marked.
	"""
	names = store.queue_names()
	answers = store.ask(_new_entries(name, marks) for name in names)
	noted, after = 0, dict(marks)
	for name, entries in zip(names, answers, strict=True):
		if isinstance(entries, Exception):
			continue
		pairs = _pairs(entries)
		after[name] = max((score for _, score in pairs), default=marks.get(name, 0.0))
		if name in marks:
			ours = [job_id for job_id, _ in pairs if keys.split_job_id(job_id)[0] == site]
			noted += sum(_note(store, log, job) for job in _unnoted(store, log, ours))
	return after, noted


def _new_entries(queue: str, marks: Marks) -> tuple[Any, ...]:
	key = keys.place_key(keys.FAILED, queue)
	if queue not in marks:
		return ("ZREVRANGE", key, 0, 0, "WITHSCORES")
	return ("ZRANGEBYSCORE", key, f"({marks[queue]!r}", "+inf", "WITHSCORES", "LIMIT", 0, limits.CHUNK_ROWS)


def _pairs(entries: Sequence[bytes]) -> list[tuple[str, float]]:
	"""(id, score) from the flat answer to a command with WITHSCORES."""
	flat = [keys.text(entry) for entry in entries]
	return [(flat[n], float(flat[n + 1])) for n in range(0, len(flat), 2)]


def _unnoted(store: Store, log: RunLog, job_ids: list[str]) -> list[Job]:
	if not job_ids:
		return []
	jobs = store.rows([(keys.FAILED, job_id) for job_id in job_ids])
	times = log.failed_at(job_ids)
	going_on = {run.job_id for run in log.running()}
	return [
		job
		for job, noted_at in zip(jobs, times, strict=True)
		if job.status in (keys.FAILED, "stopped") and job.id not in going_on and not _was(noted_at, job)
	]


def _was(noted_at: float | None, job: Job) -> bool:
	return noted_at is not None and (job.started_at is None or noted_at >= job.started_at.timestamp())


def _note(store: Store, log: RunLog, job: Job) -> bool:
	ended_at = job.ended_at or clock.now()
	began = job.started_at or ended_at
	run = Run(
		job.id,
		job.method or "unknown",
		job.queue,
		began.timestamp(),
		job.user,
		job.worker,
		job.wait,
		ended_at.timestamp(),
		duration=job.duration,
	)
	failure, outcome = _failure(_whole(store, job), STOPPED if job.status == "stopped" else FAILED)
	return log.end(replace(run, outcome=outcome), failure, begun=False)
