"""RQ's own job objects, made without unpickling a payload, and changed by one process at a time.

A serializer leaves payloads untouched. Newer RQ refuses ids as Frappe writes them (2.0 `site::id`, 3.0 `site||id`,
too), so a job is made without an id and gets it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import WatchError
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job as RQJob

from job_monitor.core.acts.messages import Outcome, outcome
from job_monitor.core.errors import JobNotFound
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import asking
from job_monitor.core.rq.records import Job


class Untouched:
	"""RQ serializer that hands the bytes on."""

	@staticmethod
	def loads(data: bytes) -> bytes:
		return data

	@staticmethod
	def dumps(data: Any) -> bytes:
		return data if isinstance(data, bytes) else b""


def fetch(client: RqClient, job_id: str) -> RQJob:
	"""The job as RQ's `Job.fetch` gives it, whatever its id looks like. One round trip.

	Raises:
		NoSuchJobError: It is gone, or has no payload.
	"""
	rq_job = RQJob(connection=client.connection, serializer=Untouched)
	rq_job._id = job_id
	rq_job.refresh()  # type: ignore[no-untyped-call,unused-ignore]
	return rq_job


@contextmanager
def watched(client: RqClient, job_id: str) -> Iterator[Any]:
	"""A transaction that fails if the job's hash changes from here on."""
	with _rq_errors(job_id), asking(client.connection), client.connection.pipeline() as pipeline:
		pipeline.watch(keys.job_key(job_id))
		yield pipeline


def delete_all(pipeline: Any, job_id: str) -> None:
	"""Stage the deletion of all that Redis holds of a job, in a pipeline of `watched`. Two round trips before that.

	By its keys, and its entries in the registries of its queue: RQ itself reads no job whose payload is lost.
	"""
	origin = keys.text(pipeline.hget(keys.job_key(job_id), "origin"))
	executions = [keys.text(entry) for entry in pipeline.zrange(keys.executions_key(job_id), 0, -1)]
	pipeline.multi()
	pipeline.delete(*keys.all_of_job(job_id))
	if not origin:
		return
	for status in keys.REGISTRY_TEMPLATES:
		pipeline.zrem(keys.place_key(status, origin), job_id)
	for execution in executions:
		pipeline.zrem(keys.place_key(keys.STARTED, origin), f"{job_id}:{execution}")


def executed(pipeline: Any, done: Outcome, status: str) -> Outcome:
	"""`done` if the transaction of `watched` succeeds; else that the job has changed."""
	try:
		pipeline.execute()
	except WatchError:
		return outcome("changed", False, status)
	return done


def act_on(client: RqClient, job: Job, act: Callable[[RQJob], Outcome]) -> Outcome:
	"""The outcome of one of RQ's own functions, or that the job has changed where RQ refuses.

	Raises:
		JobNotFound, CouldNotAsk
	"""
	with _rq_errors(job.id), asking(client.connection):
		try:
			return act(fetch(client, job.id))
		except InvalidJobOperation:
			return outcome("changed", False, job.status)


@contextmanager
def _rq_errors(job_id: str) -> Iterator[None]:
	try:
		yield
	except NoSuchJobError:
		raise JobNotFound(job_id) from None
