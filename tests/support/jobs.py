"""Writes jobs as Frappe does: through RQ itself, or field by field where RQ would not make such a job."""

from __future__ import annotations

import pickle
import uuid
import zlib
from datetime import datetime, timedelta, timezone
from typing import Any

from job_monitor.cli.demo import jobs as demo_jobs

BENCH = "home-frappe-frappe-bench"
SITE = "a.localhost"
METHODS = "tests.support.methods."


def at(seconds_ago: float = 0) -> str:
	"""A moment as RQ writes it."""
	moment = datetime.now(timezone.utc) - timedelta(seconds=seconds_ago)
	return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def full(queue: str) -> str:
	"""Full name of a queue; one with ":" is taken as it is."""
	return queue if ":" in queue else f"{BENCH}:{queue}"


def packed(call: Any) -> bytes:
	"""A job's `data` as RQ writes it."""
	return zlib.compress(pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL))


def frappe_call(method: str, arguments: dict[str, Any] | None = None, site: str = SITE) -> Any:
	return (demo_jobs.EXECUTE_JOB, None, (), demo_jobs.payload(site, method, arguments or {}))


class Jobs:
	"""Writes jobs to one Redis."""

	def __init__(self, connection: Any) -> None:
		self.connection = connection

	def enqueue(
		self,
		method: str = METHODS + "succeed",
		/,
		*,
		queue: str = "default",
		site: str = SITE,
		frappe_version: int = 16,
		**options: Any,
	) -> str:
		"""Through RQ itself. Returns the id.

		Args:
			method: Dotted path, or the bare name of one in `tests.support.methods`.
			frappe_version: 15 writes `site::id`, 16 `site||id`. RQ 2 and newer cannot run the former.
			options: Of `demo_jobs.enqueue` (`job_id`, `user`, `timeout`, `at_front`, `meta`, `depends_on`);
				what is none of them is an argument of the method.
		"""
		method = method if "." in method else METHODS + method
		return demo_jobs.enqueue(
			self.connection, full(queue), site, method, frappe_version=frappe_version, **options
		)

	def raw(
		self,
		job_id: str = "",
		/,
		*,
		status: str = "queued",
		place: str | None = "",
		queue: str = "default",
		site: str = SITE,
		method: str = METHODS + "succeed",
		arguments: dict[str, Any] | None = None,
		data: bytes | None = b"",
		age: float = 0,
		score: float | None = None,
		**fields: Any,
	) -> str:
		"""Field by field. Returns the id.

		Args:
			job_id: Whole id; a new one of `site` if empty.
			place: List or registry in which it stands: that of `status` if "", in none if None.
			data: Payload; Frappe's call of `method` if empty, no such field if None.
			age: Seconds since it was created, enqueued and, unless queued, started and ended.
			score: In the registry. By default when RQ would drop the entry.
			fields: More fields of the hash; None leaves one out.
		"""
		job_id = job_id or f"{site}||{uuid.uuid4()}"
		stamp, name = at(age), full(queue)
		hash_: dict[str, Any] = {"status": status, "origin": name, "created_at": stamp, "enqueued_at": stamp}
		if status not in ("queued", "deferred", "scheduled"):
			hash_["started_at"] = stamp
		if status in ("finished", "failed", "stopped", "canceled"):
			hash_["ended_at"] = stamp
		hash_ |= {
			"timeout": 300,
			"data": packed(frappe_call(method, arguments, site)) if data == b"" else data,
		}
		hash_ |= {key: value for key, value in fields.items()}
		written = {key: value for key, value in hash_.items() if value is not None}
		if written:
			self.connection.hset(f"rq:job:{job_id}", mapping=written)
		self.connection.sadd("rq:queues", f"rq:queue:{name}")
		if place is not None:
			self.put(job_id, place or status, name, score, age)
		return job_id

	def put(
		self, job_id: str, place: str, queue: str = "default", score: float | None = None, age: float = 0
	) -> None:
		"""Stand an id in the list or registry of `place` (a status)."""
		name = full(queue)
		if place == "queued":
			self.connection.rpush(f"rq:queue:{name}", job_id)
			return
		place = {"started": "wip", "stopped": "failed"}.get(place, place)
		life = {"failed": demo_jobs.FAILURE_TTL, "finished": demo_jobs.RESULT_TTL}.get(place, 300)
		default = datetime.now(timezone.utc).timestamp() - age + life
		self.connection.zadd(f"rq:{place}:{name}", {job_id: default if score is None else score})
