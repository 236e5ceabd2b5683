"""Names on Redis: RQ's keys, Frappe's queue names and job ids, in and out.

Sources: rq 1.15.1 to 3.0.0 (`queue.py`, `registry.py`, `worker.py`, `results.py`, `executions.py`),
Frappe 15.55.1 and 16.0.0-dev (`utils/background_jobs.py`).
"""

from __future__ import annotations

from typing import Any

QUEUES = "rq:queues"
WORKERS = "rq:workers"
SUSPENDED = "rq:suspended"
JOB_PREFIX = "rq:job:"
QUEUE_PREFIX = "rq:queue:"

QUEUED = "queued"
STARTED = "started"
FAILED = "failed"

REGISTRY_TEMPLATES = {
	STARTED: "rq:wip:{0}",
	FAILED: "rq:failed:{0}",
	"finished": "rq:finished:{0}",
	"deferred": "rq:deferred:{0}",
	"scheduled": "rq:scheduled:{0}",
	"canceled": "rq:canceled:{0}",
}
"""Sorted set of each status. RQ keeps *stopped* jobs in the failed registry."""

PLACES = (QUEUED, *REGISTRY_TEMPLATES)
"""Every status whose jobs stand in a list or a registry of their own, in the order shown."""

EXPIRING = frozenset({FAILED, "finished"})
"""Registries scored by the time when RQ's next cleanup drops the entry: older scores are no longer counted."""

SCORED = EXPIRING | {"canceled"}
"""Registries scored by time, so in the order of their jobs' ends: canceled jobs by the moment they were."""

SITE_SEPARATORS = ("||", "::")
"""Frappe 16 writes `site||id`, Frappe 15 `site::id`. Packed runs on Redis keep the position, see `run_records`."""


def text(value: bytes | str | None) -> str:
	"""Bytes from Redis as text. Odd bytes become U+FFFD: they spoil a character, never a list."""
	if value is None:
		return ""
	return value if isinstance(value, str) else value.decode("utf-8", "replace")


def is_askable(name: str) -> bool:
	"""Whether a name that came from Redis leads back to its key: odd bytes do not."""
	return "\ufffd" not in name


def askable(name: str) -> str:
	"""A name typed by people as Redis can be asked for it: without the lone surrogates that odd bytes become."""
	return name if name.isascii() else name.encode("utf-8", "replace").decode()


def scored(answer: Any) -> list[tuple[bytes, float]]:
	"""Entries and scores of an answer to WITHSCORES, which newer protocols nest; none of an exception."""
	if isinstance(answer, Exception) or not answer:
		return []
	nested = isinstance(answer[0], (list, tuple))  # RESP3
	pairs = answer if nested else zip(answer[::2], answer[1::2], strict=True)
	return [(entry, float(score)) for entry, score in pairs]


def job_key(job_id: str) -> str:
	return JOB_PREFIX + job_id


def results_key(job_id: str) -> str:
	return "rq:results:" + job_id


def dependents_key(job_id: str) -> str:
	return f"{JOB_PREFIX}{job_id}:dependents"


def worker_key(name: str) -> str:
	return "rq:worker:" + name


def worker_executions_key(name: str) -> str:
	"""Set of `job_id:execution_id` which RQ 3 keeps instead of the hash field `current_job`."""
	return f"rq:worker:{name}:executions"


def executions_key(job_id: str) -> str:
	"""Sorted set of the job's runs that go on (RQ 2 and newer)."""
	return f"rq:executions:{job_id}"


def all_of_job(job_id: str) -> tuple[str, ...]:
	"""Every key that belongs to one job alone."""
	dependencies = f"{JOB_PREFIX}{job_id}:dependencies"
	own = (job_key(job_id), dependents_key(job_id), dependencies)
	return (*own, results_key(job_id), executions_key(job_id))


def queue_key(queue: str) -> str:
	return QUEUE_PREFIX + queue


def intermediate_key(queue: str) -> str:
	"""List where a job stands between leaving its queue and being started (RQ >= 1.14)."""
	return f"{QUEUE_PREFIX}{queue}:intermediate"


Place = tuple[str, str]
"""A status and a queue's full name: one list or registry."""

JobRef = tuple[str, str]
"""The status under which a job was found ("" if under none), and its id."""


def place_key(status: str, queue: str) -> str:
	"""Key of the list or registry in which jobs of `status` and `queue` stand. KeyError for other statuses."""
	return queue_key(queue) if status == QUEUED else REGISTRY_TEMPLATES[status].format(queue)


def job_id_of(entry: str, status: str) -> str:
	"""Job id of a registry entry: since RQ 2 the started registry holds `job_id:execution_id`.

	A Frappe 15 id holds "::" itself, so the execution is cut off only where it looks like one:
	after the last ":", 32 hexadecimal digits that follow something else than another ":".
	"""
	if status != STARTED:
		return entry
	head, colon, tail = entry.rpartition(":")
	if not colon or head.endswith(":") or len(tail) != 32 or not _is_hex(tail):
		return entry
	return head


def _is_hex(value: str) -> bool:
	return all(c in "0123456789abcdef" for c in value)


def site_of(job_id: str) -> str:
	"""The site of `site||id` or `site::id`: what stands before the first separator. "" for other ids."""
	cuts = [at for mark in SITE_SEPARATORS if (at := job_id.find(mark)) >= 0]
	return job_id[: min(cuts)] if cuts else ""


def split_queue(queue: str) -> tuple[str, str]:
	"""Split `bench_id:queue` into (bench id, short name). Bench id is "" for a name without ":"."""
	bench, _, short = queue.rpartition(":")
	return bench, short


def bench_of(queue: str) -> str:
	"""The bench id of a queue's full name, "" if it has none."""
	return queue.rpartition(":")[0]


def short_name(queue: str) -> str:
	"""A queue's name without the bench id, as Frappe and people call it."""
	return queue.rpartition(":")[2]
