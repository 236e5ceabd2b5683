"""Runs of jobs as the recorder tells them: kept on Redis from their start until a database has them.

Keys of a site: a hash of the runs that go on, a stream of those that ended, a stream of what is to be told of those
that failed, when the last runs of jobs ended that a database has, how many are read at once, and when somebody stopped
which job. Two of the bench: its sites, and how many runs of each were dropped.
What ended is bounded for all sites of a bench together, and all keys vanish when nobody writes for a week.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from job_monitor.core import limits
from job_monitor.core.history import run_records
from job_monitor.core.history.run_records import (
	BAD,
	FAILED,
	KILLED,
	OUTCOMES,
	STOPPED,
	SUCCESS,
	TIMEOUT,
	Run,
)
from job_monitor.core.history.run_scripts import END, NOTE
from job_monitor.core.rq import keys
from job_monitor.core.rq.connection import Connection, asking

__all__ = ["BAD", "FAILED", "FIRST", "KILLED", "OUTCOMES", "STOPPED", "SUCCESS", "TIMEOUT"]
__all__ += ["Ended", "Failure", "Run", "RunLog", "State"]

FIRST = "0-0"
"""A position before every run."""

STOPS_NOTED = 1_000
"""Jobs of a site of which it is noted that somebody stopped them: the last ones."""


@dataclass(frozen=True)
class Failure:
	"""What is told of a run that did not succeed; texts redacted and cut."""

	exception: str = ""
	message: str = ""
	traceback: str = ""
	arguments: str = ""


class Ended(NamedTuple):
	"""A run that ended, as read.

	Attributes:
		position: Where it stands: ever growing, as text that `after` takes.
		failure: None for a success, and where too many failures waited to keep what there was to tell.
		told_at: Where the failure stands in its stream, "" for none.
	"""

	position: str
	run: Run
	failure: Failure | None = None
	told_at: str = ""


class State(NamedTuple):
	"""
	Attributes:
		born: The first position of the runs that ended, "" if none is known: another one means that the stream was lost
			and begun anew, so that a position in the one before says nothing.
		waiting: Runs that ended and are in no database yet.
		dropped: Runs that are lost: too many waited, or Redis could not be told of them.
		batch: See `RunLog.note_batch`; None if nothing was remembered.
	"""

	born: str
	waiting: int
	dropped: int
	batch: int | None


class RunLog:
	"""The runs of one site of a bench.

	Every method raises CouldNotAsk if Redis gives no answer.
	"""

	def __init__(self, connection: Connection, bench: str, site: str) -> None:
		self.connection = connection
		self.site = site
		# Frappe's ACL lets a bench's user write to rq: and a letter other than q
		bench_prefix = f"rq:job_monitor:{bench}"
		self.sites_key, self.dropped_key = f"{bench_prefix} sites", f"{bench_prefix} dropped"
		self._site_prefix = f"{bench_prefix}:"
		prefix = self._site_prefix + site
		self.running_key, self.ended_key = f"{prefix}:running", f"{prefix}:ended"
		self.failures_key, self.noted_key = f"{prefix}:failures", f"{prefix}:noted"
		self.batch_key, self.stops_key = f"{prefix}:batch", f"{prefix}:stops"

	def begin(self, run: Run) -> None:
		"""One round trip. `end` sets the key's life."""
		self._ask(self.begin_command(run))

	def begin_command(self, run: Run) -> tuple[object, ...]:
		"""What tells Redis that a run begins."""
		return "HSET", self.running_key, run.key, run_records.pack(run, self.site)

	def end(self, run: Run, failure: Failure | None = None, begun: bool = True) -> bool:
		"""Note the end of a run, as `end_command`. One round trip. Returns whether this was the first to do so."""
		return bool(self._ask(self.end_command(run, failure, begun)))

	def end_command(
		self, run: Run, failure: Failure | None, begun: bool, untold: int = 0
	) -> tuple[object, ...]:
		"""What tells Redis the end of a run. Of several who do, only the first is heard, and is answered 1.

		Args:
			begun: Whether `begin` is known to have been heard; if not, the run is noted in any case.
			untold: Runs before this one that Redis could not be told of.
		"""
		names = (self.running_key, self.ended_key, self.failures_key, self.sites_key, self.dropped_key)
		about = _pack(failure) if failure is not None else b""
		most = (limits.RUNS_WAITING, limits.FAILURES_WAITING, limits.RUN_SECONDS)
		packed = run_records.pack(run, self.site)
		values = (run.key, int(begun), packed, about, *most, self._site_prefix, self.site, untold)
		return "EVAL", END, len(names), *names, *values

	def discard(self, run: Run) -> bool:
		"""Forget that a run began: it is an attempt, which RQ makes again by itself. Returns whether it was noted."""
		return bool(self._ask(self.discard_command(run)))

	def discard_command(self, run: Run) -> tuple[object, ...]:
		return "HDEL", self.running_key, run.key

	def _ask(self, command: tuple[object, ...]) -> Any:
		with asking(self.connection):
			return self.connection.execute_command(*command)

	def note_stop(self, job_id: str) -> None:
		"""Somebody stops the run of a job: so it is known as stopped where RQ knows no more of it. One round trip."""
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			pipe.zadd(self.stops_key, {job_id: time.time()})
			pipe.zremrangebyrank(self.stops_key, 0, -STOPS_NOTED - 1)
			pipe.expire(self.stops_key, limits.RUN_SECONDS)
			pipe.execute()

	def stopped_at(self, job_id: str, started_at: float) -> float | None:
		"""When somebody stopped the run that began then, or a later one of its job; None if nobody is known to have."""
		at = self._ask(("ZSCORE", self.stops_key, job_id))
		return float(at) if at is not None and float(at) >= started_at else None

	def running(self) -> list[Run]:
		"""Runs that go on, or whose end nobody noted; at most `limits.RUNS_RUNNING`."""
		with asking(self.connection):
			found: dict[bytes, bytes] = {}
			for key, value in self.connection.hscan_iter(self.running_key, count=limits.CHUNK_ROWS):
				found[key] = value
				if len(found) >= limits.RUNS_RUNNING:
					break
		runs = (run_records.unpack(value, self.site) for value in found.values())
		return [run for run in runs if run is not None]

	def noted_at(self, job_ids: Iterable[str]) -> list[float | None]:
		"""When the last run of each of these jobs ended that was noted, None if none is known."""
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			for job_id in job_ids:
				pipe.zscore(self.noted_key, job_id)
			return list(pipe.execute())

	def forget_noted(self, before: float) -> None:
		"""Drop what `noted_at` knows of runs that ended before this Unix time."""
		with asking(self.connection):
			self.connection.zremrangebyscore(self.noted_key, "-inf", f"({before!r}")

	def state(self) -> State:
		"""What is there to be written down. One round trip."""
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			pipe.hget(self.sites_key, self.site)
			pipe.xlen(self.ended_key)
			pipe.hget(self.dropped_key, self.site)
			pipe.get(self.batch_key)
			born, waiting, dropped, size = pipe.execute()
		return State(keys.text(born), int(waiting), int(dropped or 0), None if size is None else int(size))

	def note_batch(self, size: int | None) -> None:
		"""Remember how many runs to read at once if this process dies, or fails, over those it reads now."""
		with asking(self.connection):
			if size is None:
				self.connection.delete(self.batch_key)
			else:
				self.connection.set(self.batch_key, size, ex=limits.RUN_SECONDS)

	def ended(self, after: str = FIRST, count: int = limits.RUN_BATCH) -> list[Ended]:
		"""The oldest runs after a position, with what there is to tell: no more than `limits.FAILURE_BATCH` of those
		that failed. Two round trips."""
		entries = self._entries(f"({after}", "+", count)
		told = [at for at, (_, values) in enumerate(entries) if values[b"f"]]
		if len(told) > limits.FAILURE_BATCH:
			entries = entries[: told[limits.FAILURE_BATCH]]
		failures = self._failures(sorted({values[b"f"] for _, values in entries if values[b"f"]}))
		return [self._read(at, values, failures.get(values[b"f"])) for at, values in entries]

	def _read(self, at: bytes, values: dict[bytes, bytes], failure: Failure | None) -> Ended:
		run = run_records.unpack(values[b"r"], self.site) or _unreadable(at)
		return Ended(keys.text(at), run, failure, keys.text(values[b"f"]))

	def _entries(self, first: str, last: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
		with asking(self.connection):
			return list(self.connection.xrange(self.ended_key, first, last, count))

	def _failures(self, positions: list[bytes]) -> dict[bytes, Failure | None]:
		if not positions:
			return {}
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			for position in positions:
				pipe.xrange(self.failures_key, position, position)
			found = pipe.execute()
		return {at: _unpack(rows[0][1][b"f"]) for at, rows in zip(positions, found, strict=True) if rows}

	def waiting_ends(self) -> dict[str, float]:
		"""When the last run of each job ended that waits, by job id. A round trip for each `limits.RUN_BATCH` runs."""
		found: dict[str, float] = {}
		after = FIRST
		while entries := self._entries(f"({after}", "+", limits.RUN_BATCH):
			_keep_last(found, (run_records.end_of(values[b"r"], self.site) for _, values in entries))
			after = keys.text(entries[-1][0])
		return found

	def forget(self, ended: Iterable[Ended]) -> None:
		"""Drop runs which a database has, and remember for a while that they were noted."""
		read = list(ended)
		recent = time.time() - limits.RUNS_NOTED_SECONDS
		times: dict[str, float] = {}
		_keep_last(times, ((one.run.job_id, one.run.ended_at) for one in read if one.run.ended_at > recent))
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			for ids in _chunks(list(times)):
				pipe.eval(
					NOTE, 1, self.noted_key, *(v for job_id in ids for v in (job_id, repr(times[job_id])))
				)
			pipe.expire(self.noted_key, limits.RUN_SECONDS)
			for positions in _chunks([run.position for run in read]):
				pipe.xdel(self.ended_key, *positions)
			for positions in _chunks([run.told_at for run in read if run.told_at]):
				pipe.xdel(self.failures_key, *positions)
			pipe.execute()

	def forget_upto(self, position: str) -> None:
		"""Drop what a database has, but a process that died has left here. One round trip if there is none."""
		while entries := self._entries("-", position, limits.CHUNK_ROWS):
			self.forget(self._read(at, values, None) for at, values in entries)

	def waiting(self) -> int:
		"""Runs that ended and are in no database yet."""
		with asking(self.connection):
			return int(self.connection.xlen(self.ended_key))

	def drop(self, number: int) -> None:
		"""Count runs as lost; fewer than none takes back what a database has counted."""
		with asking(self.connection):
			self.connection.hincrby(self.dropped_key, self.site, number)


def _keep_last(times: dict[str, float], ends: Iterable[tuple[str, float]]) -> None:
	"""Of several runs of a job that end, the later time; which is not always told later."""
	for job_id, ended_at in ends:
		times[job_id] = max(ended_at, times.get(job_id, 0.0))


def _chunks(rows: list[str]) -> Iterator[list[str]]:
	return (rows[start : start + limits.CHUNK_ROWS] for start in range(0, len(rows), limits.CHUNK_ROWS))


def _pack(failure: Failure) -> bytes:
	known = {name: value for name, value in vars(failure).items() if value}
	try:
		return orjson.dumps(known)
	except TypeError:  # a lone surrogate in a name or a traceback
		return orjson.dumps({n: v.encode("utf-8", "replace").decode() for n, v in known.items()})


def _unpack(text: bytes) -> Failure | None:
	"""A failure, None for what is none (of another release of this app, say)."""
	try:
		return Failure(**orjson.loads(text))
	except (ValueError, TypeError):
		return None


def _unreadable(position: bytes) -> Run:
	moment = int(position.split(b"-")[0]) / 1000
	return Run("", "unreadable", "", moment, ended_at=moment, outcome=FAILED)
