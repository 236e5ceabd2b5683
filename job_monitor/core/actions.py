"""Acting on one job: its state is checked first, and the step that only one can win decides.

RQ's own functions do the work, with a serializer that leaves payloads untouched: nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis.exceptions import WatchError
from rq.command import send_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job as RQJob
from rq.registry import CanceledJobRegistry, FailedJobRegistry

from job_monitor.core import keys, schedule_jobs, workers
from job_monitor.core.connection import asking
from job_monitor.core.errors import JobNotFound, WorkerNotFound
from job_monitor.core.records import Job, Verdict
from job_monitor.core.store import Store

WAITING = (keys.QUEUED, "deferred", "scheduled")
ENDED = ("finished", keys.FAILED, "stopped", "canceled")


@dataclass(frozen=True)
class Outcome:
	"""What an action did.

	Attributes:
		done: False if the job's state did not allow it; nothing was changed then.
		status: The job's status afterwards, "" if it is gone.
		message: In words.
	"""

	done: bool
	status: str
	message: str


class _Untouched:
	"""RQ serializer that hands the bytes on."""

	@staticmethod
	def loads(data: bytes) -> bytes:
		return data

	@staticmethod
	def dumps(data: Any) -> bytes:
		return data if isinstance(data, bytes) else b""


def stop(store: Store, job_id: str) -> Outcome:
	"""Ask the worker of a running job to end it; it does so within a second. Two round trips.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	job = store.job(job_id)
	if job.status != keys.STARTED or not job.worker:
		return _not_now(job, "only a running job can be stopped")
	try:
		gone = workers.read_one(store, job.worker).verdict is Verdict.DEAD
	except WorkerNotFound:
		gone = True
	if gone:
		return _not_now(job, "its worker is gone, so there is no process to stop")
	with asking(store.connection):
		send_command(store.connection, job.worker, "stop-job", job_id=job_id)
	return Outcome(True, job.status, "its worker was asked to stop it")


def retry(store: Store, job_id: str) -> Outcome:
	"""Put a failed, stopped or canceled job back into its queue, as it was enqueued.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	job = store.job(job_id)
	if job.status not in (keys.FAILED, "stopped", "canceled"):
		return _not_now(job, "only a failed, stopped or canceled job can be retried")
	registry_class = CanceledJobRegistry if job.status == "canceled" else FailedJobRegistry

	def act(rq_job: RQJob) -> Outcome:
		registry: Any = registry_class(rq_job.origin, connection=store.connection, serializer=_Untouched)
		registry.requeue(rq_job)
		return Outcome(True, keys.QUEUED, "it was put back into its queue")

	return _act(store, job, act)


def remove(store: Store, job_id: str) -> Outcome:
	"""Cancel a waiting job, delete an ended one with all that Redis holds of it.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	job = store.job(job_id)
	if job.status in WAITING:
		return _act(store, job, lambda rq_job: _cancel(store, rq_job, job.status))
	if job.status in ENDED:
		return _act(store, job, _delete)
	return _not_now(job, "a running job must be stopped first")


def release(store: Store, job_id: str) -> Outcome:
	"""Delete a zombie, so that its id is free again: see `schedule_jobs`.

	Not if a worker runs it, if it stands in a queue, or if it changed between the look and the deed.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	with _rq_errors(job_id), asking(store.connection), store.connection.pipeline() as pipeline:
		pipeline.watch(keys.job_key(job_id))
		job = schedule_jobs.read(store, [job_id])[job_id]
		if job.place is schedule_jobs.Place.NONE:
			raise JobNotFound(job_id)
		if job.place is not schedule_jobs.Place.ZOMBIE:
			return Outcome(False, job.status, f"it blocks nothing: it is {_WORDS[job.place]}")
		rq_job = RQJob.fetch(job_id, connection=store.connection, serializer=_Untouched)
		pipeline.multi()
		rq_job.delete(pipeline=pipeline)
		try:
			pipeline.execute()
		except WatchError:
			return Outcome(False, job.status, "its state has changed meanwhile")
	return Outcome(True, "", f"released: {job.reason}")


_WORDS = {
	schedule_jobs.Place.WAITING: "waiting in its queue",
	schedule_jobs.Place.RUNNING: "run by a worker",
	schedule_jobs.Place.ENDED: "at its end",
	schedule_jobs.Place.UNKNOWN: "perhaps on its way; try again in two minutes",
}


def _cancel(store: Store, rq_job: RQJob, status: str) -> Outcome:
	# Whoever takes it out of its place has it: a worker, or we
	place = keys.place_key(status, rq_job.origin)
	taken = ("LREM", place, 1, rq_job.id) if status == keys.QUEUED else ("ZREM", place, rq_job.id)
	if not store.ask([taken])[0]:
		return Outcome(False, status, "it has left its queue meanwhile")
	rq_job.cancel()
	return Outcome(True, "canceled", "it was canceled")


def _delete(rq_job: RQJob) -> Outcome:
	rq_job.delete()
	return Outcome(True, "", "it was deleted")


def _act(store: Store, job: Job, act: Callable[[RQJob], Outcome]) -> Outcome:
	with _rq_errors(job.id), asking(store.connection):
		try:
			return act(RQJob.fetch(job.id, connection=store.connection, serializer=_Untouched))
		except InvalidJobOperation:
			return _not_now(job, "its state has changed meanwhile")


@contextmanager
def _rq_errors(job_id: str) -> Iterator[None]:
	try:
		yield
	except NoSuchJobError:
		raise JobNotFound(job_id) from None


def _not_now(job: Job, reason: str) -> Outcome:
	return Outcome(False, job.status, f"{reason}; this one is {job.status}")
