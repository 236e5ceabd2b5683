"""Reads RQ's workers and judges whether they are there.

A worker's key expires some time after its last beat; the time it has left, on Redis' own clock, shows how old
the beat is without trusting any host's clock. Source: rq 1.15.1 to 3.0.0 `worker.py` (`heartbeat`,
`register_birth`, `maintain_heartbeats`) and `limits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from job_monitor.core import clock, limits, processes
from job_monitor.core.errors import WorkerNotFound
from job_monitor.core.rq import job_fields, keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import asking
from job_monitor.core.rq.records import Verdict, Worker
from job_monitor.core.wording import say

_FIELDS = (
	"state",
	"queues",
	"current_job",
	"hostname",
	"ip_address",
	"pid",
	"version",
	"python_version",
	"birth",
	"last_heartbeat",
	"death",
	"successful_job_count",
	"failed_job_count",
	"total_working_time",
)


def read_all(client: RqClient) -> list[Worker]:
	"""Workers of the client's bench, by host, then name. One round trip for the names, one for 300 workers.

	Workers whose key is gone count as this bench's, dead, only where the client watches every bench:
	without the key their queues are unknown.

	Raises:
		CouldNotAsk: Redis gave no answer, or refused.
	"""
	with asking(client.connection):
		members = client.connection.smembers(keys.WORKERS)
	names = sorted(keys.text(member).removeprefix(keys.worker_key("")) for member in members)
	workers: list[Worker] = []
	for start in range(0, len(names), 300):
		workers += _read(client, names[start : start + 300])
	ours = [
		w for w in workers if client.bench is None or client.bench in {keys.bench_of(q) for q in w.queues}
	]
	return sorted(ours, key=lambda worker: (worker.hostname, worker.name))


def read_one(client: RqClient, name: str) -> Worker:
	"""One worker by name. One round trip.

	Raises:
		WorkerNotFound: Redis does not know it.
	"""
	worker = _read(client, [keys.askable(name)])[0]
	if worker.ttl == -2:
		raise WorkerNotFound(worker.name[: limits.PATTERN_CHARS])
	return worker


def _read(client: RqClient, names: Sequence[str]) -> list[Worker]:
	commands: list[tuple[Any, ...]] = []
	for name in names:
		commands += [("HMGET", keys.worker_key(name), *_FIELDS), ("TTL", keys.worker_key(name))]
	answers = client.ask(commands)
	busy = [n for n in range(len(names)) if _hides_job(answers[2 * n])]
	running = dict(
		zip(busy, client.ask(("SMEMBERS", keys.worker_executions_key(names[n])) for n in busy), strict=True)
	)
	return [
		_worker(name, answers[2 * n], answers[2 * n + 1], running.get(n, ())) for n, name in enumerate(names)
	]


def _worker(name: str, values: Any, ttl: Any, executions: Any) -> Worker:
	if isinstance(values, Exception):
		return Worker(name, verdict=Verdict.LATE, reason=say("cannot be read: {0}", values))
	fields = dict(zip(_FIELDS, values, strict=True))
	state = keys.text(fields["state"]) or ("?" if ttl == -2 else "started")
	jobs = _current_jobs(fields["current_job"], executions)
	pid = job_fields.integer(fields["pid"])
	hostname = keys.text(fields["hostname"])
	verdict, reason = judge(state, ttl, pid, hostname, dead=bool(fields["death"]))
	return Worker(
		name=name,
		state=state,
		verdict=verdict,
		reason=reason,
		queues=tuple(q for q in keys.text(fields["queues"]).split(",") if q),
		current_job_ids=jobs,
		hostname=hostname,
		ip_address=keys.text(fields["ip_address"]),
		pid=pid,
		rq_version=keys.text(fields["version"]),
		python_version=keys.text(fields["python_version"]).split(" ")[0],
		ttl=ttl if ttl != -1 else None,
		**_history(fields),
	)


def _history(fields: dict[str, Any]) -> dict[str, Any]:
	return {
		"birth_date": clock.parse(fields["birth"]),
		"last_heartbeat": clock.parse(fields["last_heartbeat"]),
		"successful_job_count": job_fields.integer(fields["successful_job_count"]) or 0,
		"failed_job_count": job_fields.integer(fields["failed_job_count"]) or 0,
		"total_working_time": job_fields.decimal(fields["total_working_time"]),
	}


def _hides_job(values: Any) -> bool:
	"""Whether the job of a worker stands in its set of executions (RQ 3) and not in its hash."""
	return not isinstance(values, Exception) and values[0] == b"busy" and not values[2]


def _current_jobs(current: bytes | None, executions: Any) -> tuple[str, ...]:
	"""Ids of the jobs that a worker runs: from its set of executions (RQ 3), or from one field before that."""
	if current:
		return (keys.text(current),)
	if not isinstance(executions, (set, list)):
		return ()
	return tuple(sorted(keys.job_id_of(keys.text(entry), keys.STARTED) for entry in executions))


def judge(state: str, ttl: int, pid: int | None, hostname: str, dead: bool = False) -> tuple[Verdict, str]:
	"""Verdict on a worker and, unless it is alive, the reason.

	Args:
		ttl: Seconds its key has left: -2 if gone, -1 if it never expires.
		dead: Whether it signed off itself.
	"""
	if ttl == -2:
		return Verdict.DEAD, say("its key is gone: it missed all its beats")
	if dead:
		return Verdict.DEAD, say("it signed off")
	if pid is None:
		return Verdict.DEAD, say("its key is a remainder without a process id")
	if processes.is_gone(hostname, pid):
		return Verdict.DEAD, say("process {0} is gone from this host", pid)
	busy = state == "busy"
	life = limits.BUSY_TTL_SECONDS if busy else limits.IDLE_TTL_SECONDS
	beat = limits.BUSY_BEAT_SECONDS if busy else limits.IDLE_BEAT_SECONDS
	if 0 <= ttl < life - beat - limits.BEAT_GRACE_SECONDS:
		late = (
			say("busy, last beat about {0} s ago instead of {1} s", life - ttl, beat)
			if busy
			else say("idle, last beat about {0} s ago instead of {1} s", life - ttl, beat)
		)
		return Verdict.LATE, late
	return Verdict.ALIVE, ""
