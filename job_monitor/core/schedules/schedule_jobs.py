"""Reads the RQ jobs of schedules by their ids: which waits, which runs, and which only blocks.

Frappe skips a due schedule while its job's hash says queued or started (`is_job_enqueued`). Such a job that stands
in no queue, or that no worker runs, is a zombie: the schedule does not run again until it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.rq import keys, workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.records import Worker
from job_monitor.core.wording import say

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


class Placement(str, Enum):
	"""Where a schedule's job is. `UNKNOWN` means that it could not be told, which is no reason to act."""

	NONE = "none"
	WAITING = "waiting"
	RUNNING = "running"
	ENDED = "ended"
	ZOMBIE = "zombie"
	UNKNOWN = "unknown"


@dataclass(frozen=True)
class ScheduleJob:
	"""The job of one schedule.

	Attributes:
		since: When it was enqueued or, if it has started, started.
		served: Whether a worker that is there serves its queue.
		reason: Of a zombie, why it is one.
	"""

	id: str
	status: str = ""
	place: Placement = Placement.NONE
	queue: str = ""
	worker: str = ""
	since: datetime | None = None
	started_at: datetime | None = None
	ended_at: datetime | None = None
	served: bool = False
	reason: str = ""


def read(client: RqClient, ids: Sequence[str]) -> dict[str, ScheduleJob]:
	"""The jobs with these ids. One round trip for 500 of them; five or six more if one waits or runs.

	Raises:
		CouldNotAsk
	"""
	jobs: dict[str, _Job] = {}
	for start in range(0, len(ids), limits.PAGE_ROWS):
		jobs |= _fetch(client, ids[start : start + limits.PAGE_ROWS])
	held = [job for job in jobs.values() if job.status in (keys.QUEUED, keys.STARTED)]
	found = {job_id: job.record() for job_id, job in jobs.items()}
	if held:
		found |= _held(client, held)
	return found


@dataclass(frozen=True)
class _Job:
	id: str
	status: str
	origin: str
	worker: str
	created_at: datetime | None
	enqueued_at: datetime | None
	started_at: datetime | None
	ended_at: datetime | None
	last_heartbeat: datetime | None

	@property
	def latest(self) -> datetime | None:
		moments = (self.created_at, self.enqueued_at, self.started_at, self.last_heartbeat)
		return max((m for m in moments if m is not None), default=None)

	def record(self) -> ScheduleJob:
		started = self.status == keys.STARTED
		# A job that is enqueued anew under its old id keeps the old start until it is started
		return ScheduleJob(
			self.id,
			self.status,
			Placement.ENDED if self.status else Placement.NONE,
			keys.short_name(self.origin),
			self.worker,
			since=self.started_at if started else self.enqueued_at or self.created_at,
			started_at=self.started_at,
			ended_at=None if self.status in (keys.QUEUED, keys.STARTED) else self.ended_at,
		)


def _fetch(client: RqClient, ids: Sequence[str]) -> dict[str, _Job]:
	answers = client.ask(("HMGET", keys.job_key(i), *_FIELDS) for i in ids)
	return {i: _job(i, values) for i, values in zip(ids, answers, strict=True)}


def _job(job_id: str, values: Any) -> _Job:
	if isinstance(values, Exception):
		values = [None] * len(_FIELDS)
	status, origin, worker = map(keys.text, values[:3])
	return _Job(job_id, status, origin, worker, *map(clock.parse, values[3:]))


def _held(client: RqClient, held: Sequence[_Job]) -> dict[str, ScheduleJob]:
	"""Jobs that say queued or started. A zombie is one only if it looks like one twice."""
	every = workers.read_all(client)
	places = _places(client, held)
	found = {job.id: _placed(job, places[job.id], every) for job in held}
	suspects = [job for job in held if found[job.id].place is Placement.ZOMBIE]
	if suspects:
		again = _fetch(client, [job.id for job in suspects])
		places = _places(client, suspects)
		for job in suspects:
			if again[job.id] != job or _placed(job, places[job.id], every).place is not Placement.ZOMBIE:
				found[job.id] = replace(found[job.id], place=Placement.UNKNOWN, reason="")
	return found


@dataclass(frozen=True)
class _Stands:
	"""Where a job's id was found: `queued` in its queue; `on_its_way` in a registry that leads to a run."""

	queued: bool
	on_its_way: bool
	started: bool
	sure: bool


def _places(client: RqClient, jobs: Sequence[_Job]) -> dict[str, _Stands]:
	"""One round trip. Long queues are looked through as far as `limits.SCHEDULE_SCAN` allows."""
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
	return {job.id: _stands(answers[7 * n : 7 * n + 7], depth) for n, job in enumerate(jobs)}


def _stands(answers: Sequence[Any], depth: int) -> _Stands:
	length, queued, *on_its_way, started, executions = answers
	failed = any(isinstance(answer, Exception) for answer in answers)
	return _Stands(
		queued=_is_there(queued),
		on_its_way=any(map(_is_there, on_its_way)),
		started=_is_there(started) or (isinstance(executions, int) and executions > 0),
		sure=not failed and (_is_there(queued) or length <= depth),
	)


def _is_there(answer: Any) -> bool:
	return answer is not None and not isinstance(answer, Exception)


def _placed(job: _Job, stands: _Stands, every: Iterable[Worker]) -> ScheduleJob:
	alive = [worker for worker in every if not worker.is_dead]
	served = any(job.origin in worker.queues for worker in alive)
	record = replace(job.record(), served=served)
	runs = any(job.id in worker.current_job_ids for worker in alive)
	if job.status == keys.STARTED:
		return _started(job, record, runs, any(worker.name == job.worker for worker in alive))
	if stands.queued or stands.on_its_way or stands.started or runs:
		return replace(record, place=Placement.WAITING)
	if not stands.sure or not job.origin or _is_younger(job, limits.ZOMBIE_GRACE_SECONDS):
		return replace(record, place=Placement.UNKNOWN)
	return replace(record, place=Placement.ZOMBIE, reason=say("its job says queued but stands in no queue"))


def _started(job: _Job, record: ScheduleJob, runs: bool, worker_is_there: bool) -> ScheduleJob:
	if runs:
		return replace(record, place=Placement.RUNNING)
	# Whoever runs a job beats for it; a beat that is not late yet may be that of a worker whose own is
	if _is_younger(job, limits.BUSY_TTL_SECONDS + limits.BEAT_GRACE_SECONDS):
		return replace(record, place=Placement.RUNNING if worker_is_there else Placement.UNKNOWN)
	reason = (
		say("its job says started, but its worker {0} does not run it", job.worker)
		if worker_is_there
		else say("its job says started, but its worker {0} is gone", job.worker)
		if job.worker
		else say("its job says started, but its worker is gone")
	)
	return replace(record, place=Placement.ZOMBIE, reason=reason)


def _is_younger(job: _Job, seconds: float) -> bool:
	latest = job.latest
	return latest is not None and clock.now() - latest < timedelta(seconds=seconds)
