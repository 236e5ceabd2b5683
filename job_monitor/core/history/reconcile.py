"""Runs that began and whose end no hook saw: killed, stopped or abandoned. RQ's state of the job gives the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from job_monitor.core import clock, limits
from job_monitor.core.history.ended_jobs import as_of_result, failure_of, full_job, is_later, judge
from job_monitor.core.history.run_entries import Failure
from job_monitor.core.history.run_records import KILLED, STOPPED, SUCCESS, Run
from job_monitor.core.history.runs import RunLog
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.records import Job, Worker

_OVER = frozenset({keys.STARTED, "finished", keys.FAILED, "stopped", "canceled"})


def close(client: RqClient, log: RunLog, workers: Callable[[], Iterable[Worker]]) -> int:
	"""End runs that cannot be going on. Returns how many. One round trip where no run goes on; otherwise also those of the
	workers, one for each thousand runs, and some for each run that ended."""
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
		if past := as_of_result(client, job, results):
			return log.end(*_ended_as(run, *past, now))
		if isinstance(retries_left, bytes) and job.status != keys.STARTED:
			return log.discard(run)  # RQ runs it again by itself: an attempt
	if (
		outcome == KILLED
		and job.status != keys.STARTED
		and (stopped_at := log.stopped_at(run.job_id, run.started_at))
	):
		return log.end(*_stopped(run, job, stopped_at))
	return log.end(*_ended(client, run, job, outcome, now))


def _ended(client: RqClient, run: Run, job: Job, outcome: str, now: datetime) -> tuple[Run, Failure | None]:
	current = None if is_later(run, job) else job
	ended_at = (current.ended_at if current else _before_start(job)) or now
	duration = max(0.0, ended_at.timestamp() - run.started_at) if current and current.ended_at else None
	whole = full_job(client, job) if current and outcome != SUCCESS else None
	return _with_failure(replace(run, ended_at=ended_at.timestamp(), duration=duration), whole, outcome)


def _stopped(run: Run, job: Job, at: float) -> tuple[Run, Failure | None]:
	"""A run that somebody stopped, and of which RQ keeps nothing: its job was removed, or has been started anew."""
	later = _before_start(job) if is_later(run, job) else None
	ended_at = min(at, later.timestamp()) if later else at
	ended = replace(run, ended_at=ended_at, duration=max(0.0, ended_at - run.started_at))
	return _with_failure(ended, None, STOPPED)


def _ended_as(run: Run, outcome: str, job: Job, now: datetime) -> tuple[Run, Failure | None]:
	ended_at = (job.ended_at or now).timestamp()
	duration = max(0.0, ended_at - run.started_at)
	return _with_failure(replace(run, ended_at=ended_at, duration=duration), job, outcome)


def _with_failure(run: Run, job: Job | None, outcome: str) -> tuple[Run, Failure | None]:
	failure = None
	if outcome != SUCCESS:
		failure, outcome = failure_of(job, outcome)
	return replace(run, outcome=outcome), failure


def _before_start(job: Job) -> datetime | None:
	"""The latest possible end of a run before this start of its job: the next run must not count as noted by it."""
	return job.started_at - timedelta(milliseconds=1) if job.started_at else None
