"""The job of a schedule, and its placement: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from job_monitor.core import clock, limits
from job_monitor.core.rq import keys
from job_monitor.core.rq.records import Worker
from job_monitor.core.wording import say


class Placement(str, Enum):
	"""Where a schedule's job is. `UNKNOWN`: the answers contradict each other or are missing, which is no reason to act."""

	NONE = "none"
	WAITING = "waiting"
	RUNNING = "running"
	ENDED = "ended"
	ZOMBIE = "zombie"
	UNKNOWN = "unknown"


@dataclass(frozen=True)
class ScheduleJob:
	"""The job of a schedule.

	Attributes:
		since: When it was enqueued or, if it has started, started.
		served: Whether a live worker serves its queue.
		reason: Why a zombie is one.
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


@dataclass(frozen=True)
class JobHash:
	"""The fields of a job's hash that its placement depends on."""

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
		"""The latest moment at which the job is known to have moved on."""
		moments = (self.created_at, self.enqueued_at, self.started_at, self.last_heartbeat)
		return max((m for m in moments if m is not None), default=None)

	def record(self) -> ScheduleJob:
		"""The schedule's job by its hash alone."""
		started = self.status == keys.STARTED
		# A job that is enqueued anew under its old id keeps the old start until it starts
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


@dataclass(frozen=True)
class Presence:
	"""Where a job's id was found.

	Attributes:
		queued: In its queue. `on_its_way`: in a registry that leads to a run. `started`: among the runs.
		sure: Whether all places were looked through.
	"""

	queued: bool
	on_its_way: bool
	started: bool
	sure: bool


def place(job: JobHash, presence: Presence, workers: Iterable[Worker]) -> ScheduleJob:
	"""The schedule's job with its placement."""
	alive = [worker for worker in workers if not worker.is_dead]
	served = any(job.origin in worker.queues for worker in alive)
	record = replace(job.record(), served=served)
	runs = any(job.id in worker.current_job_ids for worker in alive)
	if job.status == keys.STARTED:
		return _started(job, record, runs, any(worker.name == job.worker for worker in alive))
	if presence.queued or presence.on_its_way or presence.started or runs:
		return replace(record, place=Placement.WAITING)
	if not presence.sure or not job.origin or _is_younger(job, limits.ZOMBIE_GRACE_SECONDS):
		return replace(record, place=Placement.UNKNOWN)
	return replace(record, place=Placement.ZOMBIE, reason=say("its job says queued but stands in no queue"))


def _started(job: JobHash, record: ScheduleJob, runs: bool, worker_is_there: bool) -> ScheduleJob:
	if runs:
		return replace(record, place=Placement.RUNNING)
	# A job beats while it runs; its beat may be in time though its worker's own is late
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


def _is_younger(job: JobHash, seconds: float) -> bool:
	latest = job.latest
	return latest is not None and clock.now() - latest < timedelta(seconds=seconds)
