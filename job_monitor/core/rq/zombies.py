"""Finds zombies: jobs whose hash says queued or started while they stand in no list or registry.

Nothing will ever run them, and Frappe skips a scheduled job while it finds its id queued. RQ has no index of all
jobs, so the ids of every place are gathered (8 bytes each) and compared with the keys of all jobs, in bounded time.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain, islice
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.errors import CouldNotAsk
from job_monitor.core.rq import job_fields, keys, workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import asking
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.records import Job, Zombies
from job_monitor.core.wording import say

_STATUSES = (keys.QUEUED, keys.STARTED)


def find(client: RqClient, seconds: float = limits.ZOMBIE_SECONDS) -> Zombies:
	"""Look through all job keys for about `seconds`.

	Never raises: `problem` names what could not be read.
	"""
	hunt = _Hunt(client, time.monotonic() + seconds)
	try:
		return hunt.run()
	except CouldNotAsk as error:
		return Zombies(problem=str(error), complete=False)


def is_one(client: RqClient, job: Job) -> bool:
	"""Whether this job is a zombie at this moment: see `among`."""
	return bool(among(client, [job]))


def among(client: RqClient, jobs: Iterable[Job]) -> list[Job]:
	"""Those of these jobs that are zombies at this moment: looked up in every place of every queue, and among the workers.

	Six round trips, however many they are; none if none of them could be one.

	Raises:
		CouldNotAsk: Redis gave no answer, or refused one of the questions.
	"""
	suspects = [job for job in jobs if job.status in _STATUSES and _is_old(job)]
	if not suspects:
		return []
	alive = (worker for worker in workers.read_all(client) if not worker.is_dead)
	running = {job_id for worker in alive for job_id in worker.current_job_ids}
	suspects = [job for job in suspects if job.id not in running]
	with asking(client.connection):
		members = client.connection.smembers(keys.QUEUES)
	queues = {keys.text(member).removeprefix(keys.QUEUE_PREFIX) for member in members}
	queues |= {keys.text(_readable(origin)) for origin in _origins(client, suspects)}
	running = _started_ids(client, queues)
	suspects = [job for job in suspects if job.id not in running]
	return _in_no_place(client, suspects, [queues] * len(suspects))


def _origins(client: RqClient, jobs: Iterable[Job]) -> list[Any]:
	"""Full name of each job's queue, as Redis answers. One round trip."""
	return client.ask(("HGET", keys.job_key(job.id), "origin") for job in jobs)


def _started_ids(client: RqClient, queues: Iterable[str]) -> set[str]:
	"""Ids of the jobs in the started registries of these queues, under any execution. One round trip."""
	answers = client.ask(("ZRANGE", keys.place_key(keys.STARTED, queue), 0, -1) for queue in queues)
	entries = (entry for answer in answers for entry in _readable(answer) or ())
	return {keys.job_id_of(keys.text(entry), keys.STARTED) for entry in entries}


def _is_old(job: Job) -> bool:
	moments = (job.created_at, job.enqueued_at, job.started_at, job.last_heartbeat)
	latest = max((m for m in moments if m), default=None)
	return latest is None or clock.now() - latest > timedelta(seconds=limits.ZOMBIE_GRACE_SECONDS)


def _in_no_place(client: RqClient, jobs: Sequence[Job], queues: Sequence[Iterable[str]]) -> list[Job]:
	"""The jobs whose id stands in no list or registry of the queues listed for each. One round trip."""
	commands_by_job = [list(_place_commands(job.id, names)) for job, names in zip(jobs, queues, strict=True)]
	answers = iter(client.ask(chain.from_iterable(commands_by_job)))
	found = []
	for job, commands in zip(jobs, commands_by_job, strict=True):
		running, *places = (_readable(answer) for answer in islice(answers, len(commands)))
		if not running and all(answer is None for answer in places):
			found.append(job)
	return found


def _place_commands(job_id: str, queues: Iterable[str]) -> Iterator[tuple[Any, ...]]:
	yield "ZCARD", keys.executions_key(job_id)
	for queue in queues:
		yield from (("LPOS", key, job_id) for key in (keys.queue_key(queue), keys.intermediate_key(queue)))
		yield from (("ZSCORE", keys.place_key(s, queue), job_id) for s in keys.REGISTRY_TEMPLATES)


def _readable(answer: Any) -> Any:
	"""An answer; None for a key of another type, which holds no jobs.

	Raises:
		CouldNotAsk: Redis refused.
	"""
	if not isinstance(answer, Exception):
		return answer
	if "WRONGTYPE" in str(answer):
		return None
	raise CouldNotAsk(str(answer))


class _Hunt:
	def __init__(self, client: RqClient, deadline: float) -> None:
		self.client = client
		self.deadline = deadline
		self.looked_at = 0
		self.unreadable: list[str] = []

	def run(self) -> Zombies:
		known = self._known()
		if known is None:
			return Zombies(complete=False)
		suspects: list[Job] = []
		for ids in self._all_job_ids():
			self.looked_at += len(ids)
			unknown = [i for i in ids if not _holds(known, hash(i))]
			suspects += self._suspects(unknown)
			if len(suspects) >= limits.ZOMBIE_ROWS or time.monotonic() > self.deadline:
				return self._result(suspects, complete=False)
		return self._result(suspects, complete=not self.unreadable)

	def _result(self, suspects: Sequence[Job], complete: bool) -> Zombies:
		problem = say("not readable: {0}", "; ".join(self.unreadable[:3])) if self.unreadable else ""
		return Zombies(self._confirmed(suspects), self.looked_at, complete, problem)

	def _known(self) -> array[int] | None:
		"""Hashes of all ids in lists and registries, sorted. None if the time does not even allow that."""
		known = array("q")
		with asking(self.client.connection):
			members = self.client.connection.smembers(keys.QUEUES)
		for queue in (keys.text(member).removeprefix(keys.QUEUE_PREFIX) for member in members):
			for key, status in self._places(queue):
				for entries in self._chunks(key, listed=status == keys.QUEUED):
					known.extend(hash(keys.job_id_of(keys.text(entry), status)) for entry in entries)
					if time.monotonic() > self.deadline:
						return None
		return array("q", sorted(known))

	def _places(self, queue: str) -> Iterator[tuple[str, str]]:
		yield keys.intermediate_key(queue), keys.QUEUED
		yield from ((keys.place_key(status, queue), status) for status in keys.PLACES)

	def _chunks(self, key: str, listed: bool) -> Iterator[list[Any]]:
		size = limits.CHUNK_ROWS * 10
		start = 0
		while True:
			command = ("LRANGE" if listed else "ZRANGE", key, start, start + size - 1)
			entries = self.client.ask([command])[0]
			if _readable(entries) is None:
				self.unreadable.append(f"{key} ({entries})")
				return
			if entries:
				yield entries
			if len(entries) < size:
				return
			start += size

	def _all_job_ids(self) -> Iterator[list[str]]:
		cursor = 0
		while True:
			with asking(self.client.connection):
				cursor, found = self.client.connection.scan(
					cursor, match=keys.JOB_PREFIX + "*", count=limits.CHUNK_ROWS * 2
				)
			names = (keys.text(key).removeprefix(keys.JOB_PREFIX) for key in found)
			yield [name for name in names if not name.endswith((":dependents", ":dependencies"))]
			if not cursor:
				return

	def _suspects(self, ids: Sequence[str]) -> list[Job]:
		"""Of these jobs, those of the client's bench that could be zombies."""
		answers = self.client.ask(("HMGET", keys.job_key(i), *job_fields.FIELDS) for i in ids)
		rows = [
			job_fields.row(job_id, "", answer, self.client.redactor, frozenset())
			for job_id, answer in zip(ids, answers, strict=True)
			if self._is_ours(answer)
		]
		return [job for job in rows if job.status in _STATUSES and _is_old(job)]

	def _is_ours(self, values: Any) -> bool:
		if self.client.bench is None or isinstance(values, Exception):
			return self.client.bench is None
		origin = keys.text(values[job_fields.FIELDS.index("origin")])
		return keys.bench_of(origin) == self.client.bench

	def _confirmed(self, suspects: Sequence[Job]) -> tuple[Job, ...]:
		"""Suspects that are still in no place on two more looks, with what they run: one may be on its way."""
		confirmed = list(suspects[: limits.ZOMBIE_ROWS])
		for _look in range(2):
			origins = [keys.text(_readable(name)) for name in _origins(self.client, confirmed)]
			confirmed = _in_no_place(self.client, confirmed, [[name] if name else [] for name in origins])
		jobs = read_rows(self.client, [(job.status, job.id) for job in confirmed])
		return tuple(
			replace(job, queue=job.queue or old.queue)
			for job, old in zip(jobs, confirmed, strict=True)
			if job.status in _STATUSES
		)


def _holds(known: array[int], value: int) -> bool:
	at = bisect_left(known, value)
	return at < len(known) and known[at] == value
