"""Reads the RQ jobs of schedules by their ids: which waits, which runs, and which only blocks.

Frappe skips a due schedule while its job's hash says queued or started (`is_job_enqueued`). Such a job that stands
in no queue, or that no worker runs, is a zombie: the schedule does not run again until it is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.rq import keys, workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.schedules.placements import JobHash, Placement, Presence, ScheduleJob, place

_FIELDS = (
	"status",
	"origin",
	"worker_name",
	"created_at",
	"enqueued_at",
	"started_at",
	"ended_at",
	"last_heartbeat",
)


def read(client: RqClient, ids: Sequence[str]) -> dict[str, ScheduleJob]:
	"""The jobs with these ids. One round trip for 500 of them; five or six more if one waits or runs.

	Raises:
		CouldNotAsk
	"""
	jobs: dict[str, JobHash] = {}
	for start in range(0, len(ids), limits.PAGE_ROWS):
		jobs |= _fetch(client, ids[start : start + limits.PAGE_ROWS])
	active = [job for job in jobs.values() if job.status in (keys.QUEUED, keys.STARTED)]
	found = {job_id: job.record() for job_id, job in jobs.items()}
	if active:
		found |= _read_active(client, active)
	return found


def _fetch(client: RqClient, ids: Sequence[str]) -> dict[str, JobHash]:
	answers = client.ask(("HMGET", keys.job_key(i), *_FIELDS) for i in ids)
	return {i: _job(i, values) for i, values in zip(ids, answers, strict=True)}


def _job(job_id: str, values: Any) -> JobHash:
	if isinstance(values, Exception):
		values = [None] * len(_FIELDS)
	status, origin, worker = map(keys.text, values[:3])
	return JobHash(job_id, status, origin, worker, *map(clock.parse, values[3:]))


def _read_active(client: RqClient, jobs: Sequence[JobHash]) -> dict[str, ScheduleJob]:
	"""The jobs whose hash says queued or started. A job is a zombie only if it looks like one twice."""
	all_workers = workers.read_all(client)
	presences = _presences(client, jobs)
	found = {job.id: place(job, presences[job.id], all_workers) for job in jobs}
	suspects = [job for job in jobs if found[job.id].place is Placement.ZOMBIE]
	if suspects:
		again = _fetch(client, [job.id for job in suspects])
		presences = _presences(client, suspects)
		for job in suspects:
			placed = place(job, presences[job.id], all_workers)
			if again[job.id] != job or placed.place is not Placement.ZOMBIE:
				found[job.id] = replace(found[job.id], place=Placement.UNKNOWN, reason="")
	return found


def _presences(client: RqClient, jobs: Sequence[JobHash]) -> dict[str, Presence]:
	"""Presence of each job by its id. One round trip. Long queues are searched as far as `limits.SCHEDULE_SCAN` allows."""
	depth = max(1_000, limits.SCHEDULE_SCAN // len(jobs))
	commands: list[tuple[Any, ...]] = []
	for job in jobs:
		queue = keys.queue_key(job.origin)
		commands += [
			("LLEN", queue),
			("LPOS", queue, job.id, "MAXLEN", depth),
			("LPOS", keys.intermediate_key(job.origin), job.id),
			("ZSCORE", keys.place_key("deferred", job.origin), job.id),
			("ZSCORE", keys.place_key("scheduled", job.origin), job.id),
			("ZSCORE", keys.place_key(keys.STARTED, job.origin), job.id),
			("ZCARD", keys.executions_key(job.id)),
		]
	answers = client.ask(commands)
	return {job.id: _presence(answers[7 * n : 7 * n + 7], depth) for n, job in enumerate(jobs)}


def _presence(answers: Sequence[Any], depth: int) -> Presence:
	length, queued, *on_its_way, started, executions = answers
	failed = any(isinstance(answer, Exception) for answer in answers)
	return Presence(
		queued=_is_there(queued),
		on_its_way=any(map(_is_there, on_its_way)),
		started=_is_there(started) or (isinstance(executions, int) and executions > 0),
		sure=not failed and (_is_there(queued) or length <= depth),
	)


def _is_there(answer: Any) -> bool:
	return answer is not None and not isinstance(answer, Exception)
