"""Acting on one job: its state is checked first, and a step that succeeds for one process only decides.

RQ's own functions do the work where they can, see `rq_jobs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rq.command import send_command
from rq.job import Job as RQJob
from rq.registry import CanceledJobRegistry, FailedJobRegistry

from job_monitor.core.acts.messages import ACTS, ENDED, WAITING, Outcome, outcome, refused
from job_monitor.core.acts.rq_jobs import Untouched, act_on, delete_all, executed, watched
from job_monitor.core.errors import JobNotFound, WorkerNotFound
from job_monitor.core.history.runs import RunLog
from job_monitor.core.rq import keys, workers, zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import asking
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.records import Job
from job_monitor.core.schedules import schedule_jobs
from job_monitor.core.schedules.placements import Placement


def stop(client: RqClient, job_id: str) -> Outcome:
	"""Ask the worker of a running job to end it; it does so within a second. Three round trips.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	job = read_job(client, job_id)
	if job.status != keys.STARTED or not job.worker:
		return refused("stop", job.status)
	try:
		gone = workers.read_one(client, job.worker).is_dead
	except WorkerNotFound:
		gone = True
	if gone:
		return refused("stop", job.status, "worker-gone")
	if job.site:
		RunLog(client.connection, client.bench or "", job.site).note_stop(job.id)
	with asking(client.connection):
		send_command(client.connection, job.worker, "stop-job", job_id=job_id)
	return outcome("stopping", True, job.status)


def retry(client: RqClient, job_id: str) -> Outcome:
	"""Put a failed, stopped or canceled job back into its queue, as it was enqueued.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	job = read_job(client, job_id)
	if job.status not in ACTS["retry"].statuses:
		return refused("retry", job.status)
	registry_class = CanceledJobRegistry if job.status == "canceled" else FailedJobRegistry

	def act(rq_job: RQJob) -> Outcome:
		registry: Any = registry_class(rq_job.origin, connection=client.connection, serializer=Untouched)
		registry.requeue(rq_job)
		return outcome("requeued", True, keys.QUEUED)

	return act_on(client, job, act)


def cancel(client: RqClient, job_id: str) -> Outcome:
	"""Take a waiting job out of its queue. RQ keeps it as canceled, without expiry, so that it can be retried.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	job = read_job(client, job_id)
	if job.status not in WAITING:
		return refused("cancel", job.status)
	return act_on(client, job, lambda rq_job: _take_out(client, rq_job, job, _cancel))


def remove(client: RqClient, job_id: str) -> Outcome:
	"""Delete a waiting job, an ended one or a zombie, with all that Redis holds of it.

	Jobs that wait for it are left as they are, as by RQ's own `job.delete()`: nothing starts them any more.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	job = read_job(client, job_id)
	if job.status in ENDED:
		return _delete_ended(client, job)
	if job.status in WAITING:
		removal = act_on(client, job, lambda rq_job: _take_out(client, rq_job, job, _delete))
	elif job.status == keys.STARTED:
		removal = refused("remove", job.status, "running")
	else:
		removal = refused("remove", job.status)
	return removal if removal.done else _delete_zombie(client, job_id) or removal


def release(client: RqClient, job_id: str) -> Outcome:
	"""Delete a zombie, so that its id is free again: see `schedule_jobs`.

	Not if a worker runs it, if it stands in a queue, or if it changed between the look and the deed.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	with watched(client, job_id) as pipeline:
		job = schedule_jobs.read(client, [job_id])[job_id]
		if job.place is Placement.NONE:
			raise JobNotFound(job_id)
		if job.place is not Placement.ZOMBIE:
			return outcome(f"blocks-nothing-{job.place.value}", False, job.status)
		delete_all(pipeline, job_id)
		return executed(pipeline, outcome("released", True, why=job.reason), job.status)


def _take_out(client: RqClient, rq_job: RQJob, job: Job, then: Callable[[RQJob, Job], Outcome]) -> Outcome:
	"""Whoever takes a waiting job out of its place has it: a worker, or we."""
	place = keys.place_key(job.status, rq_job.origin)
	removal = ("LREM", place, 1, rq_job.id) if job.status == keys.QUEUED else ("ZREM", place, rq_job.id)
	if client.ask([removal])[0] != 1:
		return outcome("left-queue", False, job.status)
	return then(rq_job, job)


def _cancel(rq_job: RQJob, _job: Job) -> Outcome:
	rq_job.cancel()
	return outcome("canceled", True, "canceled")


def _delete(rq_job: RQJob, job: Job) -> Outcome:
	rq_job.delete()
	return outcome("deleted", True, dependents=len(job.dependents))


def _delete_ended(client: RqClient, job: Job) -> Outcome:
	with watched(client, job.id) as pipeline:
		if read_job(client, job.id).status != job.status:
			return outcome("changed", False, job.status)
		delete_all(pipeline, job.id)
		return executed(pipeline, outcome("deleted", True, dependents=len(job.dependents)), job.status)


def _delete_zombie(client: RqClient, job_id: str) -> Outcome | None:
	"""The outcome, None if the job is no zombie."""
	with watched(client, job_id) as pipeline:
		job = read_job(client, job_id)
		if not zombies.is_one(client, job):
			return None
		delete_all(pipeline, job_id)
		done = outcome("zombie-deleted", True, dependents=len(job.dependents))
		return executed(pipeline, done, job.status)
