"""Failures that no hook saw from the beginning, as before Frappe's hooks: read from RQ's failed registries."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

from job_monitor.core import clock, limits
from job_monitor.core.history.ended_jobs import failure_of, full_job
from job_monitor.core.history.run_records import FAILED, STOPPED, Run
from job_monitor.core.history.runs import RunLog
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.records import Job


class Cursor(NamedTuple):
	"""How far a failed registry was read.

	Attributes:
		score: Score of the last entry that was read.
		seen_ids: Ids that have this score; also, with their scores, entries above it that are kept longer than others.
	"""

	score: float
	seen_ids: list[str]


Cursors = dict[str, Cursor]
"""By full name of the queue."""

_START = Cursor(0.0, [])


def catch_up(
	client: RqClient, log: RunLog, site: str, cursors: Cursors | None, usual: float = inf
) -> tuple[Cursors, int]:
	"""Note failures of a site that stand in RQ's failed registries and were never noted.

	To be called after `reconcile.close`, by one process at a time. Three round trips where nothing failed.

	Args:
		cursors: Those that the last call returned; None for the very first call, which notes nothing.
		usual: The highest usual score. Entries are ordered by the moment when RQ drops them; an entry with a higher
			score is kept for longer than others, and must not hide the failures after it.

	Returns:
		The new cursors, and the number of failures noted.
	"""
	behind = client.queue_names()
	if cursors is None:
		return _first_cursors(client, behind, usual), 0
	noted, after = 0, dict(cursors)
	while behind:
		names, behind = behind, []
		answers = client.ask(_entries_from(name, after.get(name, _START)) for name in names)
		for name, entries in zip(names, answers, strict=True):
			cursor = after.get(name, _START)
			pairs = _beyond(cursor, _pairs(entries))
			after[name] = _advanced(cursor, pairs, usual)
			ours = [job_id for job_id, _ in pairs if keys.site_of(job_id) == site]
			noted += sum(_note(client, log, job) for job in _unnoted(client, log, ours))
			if len(pairs) >= limits.CHUNK_ROWS:
				behind.append(name)
	log.forget_noted(clock.now().timestamp() - limits.RUNS_NOTED_SECONDS)
	return after, noted


def _first_cursors(client: RqClient, names: list[str], usual: float) -> Cursors:
	last = limits.CHUNK_ROWS - 1
	answers = client.ask(
		("ZREVRANGE", keys.place_key(keys.FAILED, name), 0, last, "WITHSCORES") for name in names
	)
	pairs = {name: _pairs(answer) for name, answer in zip(names, answers, strict=True)}
	return {name: _advanced(_START, pairs[name], usual) for name in names}


def _entries_from(queue: str, cursor: Cursor) -> tuple[Any, ...]:
	"""The command that reads a registry from its cursor on, whose second is read again: RQ counts whole seconds."""
	key, count = keys.place_key(keys.FAILED, queue), limits.CHUNK_ROWS + len(cursor.seen_ids)
	return ("ZRANGEBYSCORE", key, repr(float(cursor.score)), "+inf", "WITHSCORES", "LIMIT", 0, count)


def _pairs(answer: Any) -> list[tuple[str, float]]:
	"""(id, score) of the entries; empty where Redis refused."""
	return [(keys.text(job_id), score) for job_id, score in keys.scored(answer)]


def _beyond(cursor: Cursor, pairs: list[tuple[str, float]]) -> list[tuple[str, float]]:
	seen = set(cursor.seen_ids)
	return [
		(job_id, score)
		for job_id, score in pairs
		if (score > cursor.score or job_id not in seen) and _above(job_id, score) not in seen
	]


def _above(job_id: str, score: float) -> str:
	"""An entry above the cursor among its `seen_ids`: no job id looks so."""
	return f"\n{score!r}\n{job_id}"


def _advanced(cursor: Cursor, pairs: list[tuple[str, float]], usual: float) -> Cursor:
	if not pairs:
		return cursor
	newest = max((score for _, score in pairs if score <= usual), default=cursor.score)
	seen = [entry for entry in cursor.seen_ids if newest == cursor.score or entry.startswith("\n")]
	new = [job_id if score == newest else _above(job_id, score) for job_id, score in pairs if score >= newest]
	return Cursor(newest, [*seen, *new])


def _unnoted(client: RqClient, log: RunLog, job_ids: list[str]) -> list[Job]:
	if not job_ids:
		return []
	jobs = read_rows(client, [(keys.FAILED, job_id) for job_id in job_ids])
	# A run passes these places in this order, so it is found in one of them whenever it moves on
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
	failure, outcome = failure_of(full_job(client, job), STOPPED if job.status == "stopped" else FAILED)
	return log.end(replace(run, outcome=outcome), failure, begun=False)
