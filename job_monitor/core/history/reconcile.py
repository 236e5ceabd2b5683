"""Runs whose end no hook saw: killed, stopped, abandoned, or failed before Frappe's hooks were called.

What RQ knows of the job tells how it ended. RQ's words: rq 1.15.1 to 2.3.2 `worker.py`, `registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.errors import JobNotFound
from job_monitor.core.history.ended_jobs import failure_of, was_stopped
from job_monitor.core.history.runs import (
	FAILED,
	KILLED,
	STOPPED,
	SUCCESS,
	Failure,
	Run,
	RunLog,
)
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.job_fields import exception_text
from job_monitor.core.rq.jobs import read_job, read_rows
from job_monitor.core.rq.records import Job, Worker

Mark = tuple[float, list[str]]
"""How far a failed registry was looked through: the score of its last entry, and the ids seen that have it; also, with
their scores, entries above it that are kept for longer than others."""

Marks = dict[str, Mark]
"""By full name of the queue."""

_NOWHERE: Mark = (0.0, [])


def close(client: RqClient, log: RunLog, workers: Callable[[], Iterable[Worker]]) -> int:
	"""End runs that cannot be going on. Returns how many. One round trip where none goes on, else that of the workers
	and one for each thousand runs, and some for each that ended."""
	now = clock.now()
	runs = [r for r in log.running() if now.timestamp() - r.started_at > limits.RUN_GRACE_SECONDS]
	known = {worker.name: worker for worker in workers()} if runs else {}
	closed = 0
	for start in range(0, len(runs), limits.CHUNK_ROWS):
		chunk = runs[start : start + limits.CHUNK_ROWS]
		jobs = read_rows(client, [("", run.job_id) for run in chunk], frozenset())
		for run, job in zip(chunk, jobs, strict=True):
			outcome = judge(run, job, known.get(run.worker))
			if outcome:
				closed += _close(client, log, run, job, outcome, now)
	return closed


def _close(client: RqClient, log: RunLog, run: Run, job: Job, outcome: str, now: datetime) -> bool:
	if outcome == KILLED and job.status and (is_later(run, job) or job.status not in _OVER):
		# The job goes on. A retry leaves what RQ noted of the end of the run before
		results, retries_left = client.ask(
			[
				("XRANGE", keys.results_key(run.job_id), int(run.started_at * 1000), "+", "COUNT", 1),
				("HGET", keys.job_key(run.job_id), "retries_left"),
			]
		)
		if past := _of_result(client, job, results):
			return log.end(*_told(run, past, _RESULTS.get(past.status, FAILED), now))
		if isinstance(retries_left, bytes) and job.status != keys.STARTED:
			return log.discard(run)  # RQ runs it again by itself: an attempt
	if (
		outcome == KILLED
		and job.status != keys.STARTED
		and (stopped_at := log.stopped_at(run.job_id, run.started_at))
	):
		return log.end(*_stopped(run, job, stopped_at))
	return log.end(*_ended(client, run, job, outcome, now))


_OVER = frozenset({keys.STARTED, "finished", FAILED, "stopped", "canceled"})

_RESULTS = {"1": SUCCESS, "2": FAILED, "3": STOPPED}
"""Types of RQ's results (rq `results.py`). Of a job that is stopped RQ notes a failure."""


def _of_result(client: RqClient, job: Job, results: Any) -> Job | None:
	"""A job as it was when the first of these results was noted; its status is the result's type."""
	if not isinstance(results, list) or not results:
		return None
	ended_at = clock.from_epoch(int(results[0][0].split(b"-")[0]) / 1000)
	if ended_at is None or (job.started_at is not None and ended_at > job.started_at):
		return None
	text = exception_text(results, None, limits.TRACEBACK_CHARS, client.redactor)
	kind = keys.text(dict(results[0][1]).get(b"type"))
	return replace(job, status="3" if was_stopped(text) else kind, ended_at=ended_at, exception=text)


def judge(run: Run, job: Job, worker: Worker | None) -> str:
	"""How a run ended, by what RQ says of its job now; "" if it may be going on. FAILED is not the last word: the
	traceback tells more."""
	if not job.status or is_later(run, job):
		return KILLED
	if job.status == keys.STARTED:
		gone = worker is None or worker.is_dead or run.job_id not in worker.current_job_ids
		return KILLED if gone else ""
	return {"finished": SUCCESS, FAILED: FAILED, "stopped": STOPPED, "canceled": STOPPED}.get(
		job.status, KILLED
	)


def is_later(run: Run, job: Job) -> bool:
	"""Whether what Redis tells is of a later run of the same job: RQ notes its start before Frappe's hooks run."""
	return job.started_at is not None and job.started_at.timestamp() > run.started_at


def _ended(client: RqClient, run: Run, job: Job, outcome: str, now: datetime) -> tuple[Run, Failure | None]:
	current = None if is_later(run, job) else job
	ended_at = (current.ended_at if current else _before_start(job)) or now
	duration = max(0.0, ended_at.timestamp() - run.started_at) if current and current.ended_at else None
	whole = _whole(client, job) if current and outcome != SUCCESS else None
	return _with_failure(replace(run, ended_at=ended_at.timestamp(), duration=duration), whole, outcome)


def _stopped(run: Run, job: Job, at: float) -> tuple[Run, Failure | None]:
	"""A run that somebody stopped, and of which RQ knows no more: its job was removed, or has been started anew."""
	later = _before_start(job) if is_later(run, job) else None
	ended_at = min(at, later.timestamp()) if later else at
	ended = replace(run, ended_at=ended_at, duration=max(0.0, ended_at - run.started_at))
	return _with_failure(ended, None, STOPPED)


def _told(run: Run, job: Job, outcome: str, now: datetime) -> tuple[Run, Failure | None]:
	ended_at = (job.ended_at or now).timestamp()
	duration = max(0.0, ended_at - run.started_at)
	return _with_failure(replace(run, ended_at=ended_at, duration=duration), job, outcome)


def _with_failure(run: Run, job: Job | None, outcome: str) -> tuple[Run, Failure | None]:
	failure = None
	if outcome != SUCCESS:
		failure, outcome = failure_of(job, outcome)
	return replace(run, outcome=outcome), failure


def _before_start(job: Job) -> datetime | None:
	"""A run ended before the next one of its job began, which must not count as noted by it."""
	return job.started_at - timedelta(milliseconds=1) if job.started_at else None


def _whole(client: RqClient, job: Job) -> Job | None:
	try:
		return read_job(client, job.id)
	except JobNotFound:
		return None


# Failures before the hooks


def catch_up(
	client: RqClient, log: RunLog, site: str, marks: Marks | None, usual: float = inf
) -> tuple[Marks, int]:
	"""Note failures of a site that stand in RQ's failed registries and were never noted.

	To be called after `close`, by one process at a time. Three round trips where nothing failed.

	Args:
		marks: Of the call before; None for the very first, which notes nothing.
		usual: Entries are ordered by when RQ drops them; one that failed by now has no higher score than this, unless
			its job is kept longer than others. Such a one must not hide those that fail after it.

	Returns:
		The new marks, and how many were noted.
	"""
	behind = client.queue_names()
	if marks is None:
		return _first_marks(client, behind, usual), 0
	noted, after = 0, dict(marks)
	while behind:
		names, behind = behind, []
		answers = client.ask(_entries_from(name, after.get(name, _NOWHERE)) for name in names)
		for name, entries in zip(names, answers, strict=True):
			mark = after.get(name, _NOWHERE)
			pairs = _beyond(mark, _pairs(entries))
			after[name] = _advanced(mark, pairs, usual)
			ours = [job_id for job_id, _ in pairs if keys.site_of(job_id) == site]
			noted += sum(_note(client, log, job) for job in _unnoted(client, log, ours))
			if len(pairs) >= limits.CHUNK_ROWS:
				behind.append(name)
	log.forget_noted(clock.now().timestamp() - limits.RUNS_NOTED_SECONDS)
	return after, noted


def _first_marks(client: RqClient, names: list[str], usual: float) -> Marks:
	last = limits.CHUNK_ROWS - 1
	answers = client.ask(
		("ZREVRANGE", keys.place_key(keys.FAILED, name), 0, last, "WITHSCORES") for name in names
	)
	pairs = {name: _pairs(answer) for name, answer in zip(names, answers, strict=True)}
	return {name: _advanced(_NOWHERE, pairs[name], usual) for name in names}


def _entries_from(queue: str, mark: Mark) -> tuple[Any, ...]:
	"""The second of the mark is read again: RQ counts whole seconds, so more may have come in it."""
	score, ids = mark
	key, count = keys.place_key(keys.FAILED, queue), limits.CHUNK_ROWS + len(ids)
	return ("ZRANGEBYSCORE", key, repr(float(score)), "+inf", "WITHSCORES", "LIMIT", 0, count)


def _pairs(answer: Any) -> list[tuple[str, float]]:
	"""(id, score) of the entries; none where Redis refused."""
	return [(keys.text(job_id), score) for job_id, score in keys.scored(answer)]


def _beyond(mark: Mark, pairs: list[tuple[str, float]]) -> list[tuple[str, float]]:
	score, ids = mark
	seen = set(ids)
	return [
		(job_id, at)
		for job_id, at in pairs
		if (at > score or job_id not in seen) and _far(job_id, at) not in seen
	]


def _far(job_id: str, score: float) -> str:
	"""How an entry above the mark is remembered: as no id looks."""
	return f"\n{score!r}\n{job_id}"


def _advanced(mark: Mark, pairs: list[tuple[str, float]], usual: float) -> Mark:
	if not pairs:
		return mark
	newest = max((at for _, at in pairs if at <= usual), default=mark[0])
	seen = [one for one in mark[1] if newest == mark[0] or one.startswith("\n")]
	new = [job_id if at == newest else _far(job_id, at) for job_id, at in pairs if at >= newest]
	return newest, [*seen, *new]


def _unnoted(client: RqClient, log: RunLog, job_ids: list[str]) -> list[Job]:
	if not job_ids:
		return []
	jobs = read_rows(client, [(keys.FAILED, job_id) for job_id in job_ids])
	# In the order in which a run passes these places, so that it is in one of them whenever it moves on
	going_on = {run.job_id for run in log.running()}
	waiting = log.waiting_ends()
	times = log.noted_at(job_ids)
	return [
		job
		for job, noted_at in zip(jobs, times, strict=True)
		if job.status in (keys.FAILED, "stopped")
		and job.id not in going_on
		and not _was(waiting.get(job.id), job)
		and not _was(noted_at, job)
	]


def _was(noted_at: float | None, job: Job) -> bool:
	return noted_at is not None and (job.started_at is None or noted_at >= job.started_at.timestamp())


def _note(client: RqClient, log: RunLog, job: Job) -> bool:
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
	failure, outcome = failure_of(_whole(client, job), STOPPED if job.status == "stopped" else FAILED)
	return log.end(replace(run, outcome=outcome), failure, begun=False)
