"""Runs of jobs as the recorder tells them: kept on Redis from their start until a database has them.

Four keys of a site: a hash of the runs that go on, a stream of those that ended, a stream of what is to be told of
those that failed, and when each job last ended. All are bounded, and vanish when nobody writes for a week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from job_monitor.core import keys, limits
from job_monitor.core.connection import Connection, asking

SUCCESS = "success"
FAILED = "failed"
TIMEOUT = "timeout"
STOPPED = "stopped"
KILLED = "killed"
OUTCOMES = (SUCCESS, FAILED, TIMEOUT, STOPPED, KILLED)

FIRST = "0-0"
"""A position before every run."""

# KEYS: running, ended, failures, noted. ARGV: run, whether the run is known to have begun, ended, failure,
# lengths of the streams, life in seconds, job, time
_END = """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 and ARGV[2] == '1' then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[7])
local about = ''
if ARGV[4] ~= '' then
	about = redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*', 'f', ARGV[4])
	redis.call('EXPIRE', KEYS[3], ARGV[7])
end
if tonumber(redis.call('ZSCORE', KEYS[4], ARGV[8]) or 0) < tonumber(ARGV[9]) then
	if redis.call('ZADD', KEYS[4], ARGV[9], ARGV[8]) == 1 then
		redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - ARGV[5])
	end
	redis.call('EXPIRE', KEYS[4], ARGV[7])
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'r', ARGV[3], 'f', about)
redis.call('EXPIRE', KEYS[2], ARGV[7])
return 1
"""


@dataclass(frozen=True)
class Run:
	"""One run of a job.

	Attributes:
		started_at, ended_at: Unix times by the clock of the worker's host; ended_at 0 while it goes on.
		outcome: One of `OUTCOMES`, "" while it goes on.
		wait, duration, cpu: Seconds; None if unknown.
		memory: Peak of the process that ran it, in bytes; None if unknown.
		attempts: How often Frappe called the method, after deadlocks.
	"""

	job_id: str
	method: str
	queue: str
	started_at: float
	user: str = ""
	worker: str = ""
	wait: float | None = None
	ended_at: float = 0.0
	outcome: str = ""
	duration: float | None = None
	cpu: float | None = None
	memory: int | None = None
	attempts: int = 1

	@property
	def key(self) -> str:
		"""Tells two runs of the same job apart."""
		return f"{self.started_at:.6f} {self.job_id}"


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


class RunLog:
	"""The runs of one site of a bench.

	Every method raises CouldNotAsk if Redis gives no answer.
	"""

	def __init__(self, connection: Connection, bench: str, site: str) -> None:
		self.connection = connection
		# Frappe's ACL lets a bench's user write to rq: and a letter other than q
		prefix = f"rq:job_monitor:{bench}:{site}"
		self.running_key, self.ended_key = f"{prefix}:running", f"{prefix}:ended"
		self.failures_key, self.noted_key = f"{prefix}:failures", f"{prefix}:noted"

	def begin(self, run: Run) -> None:
		"""One round trip. `end` sets the key's life."""
		self._ask(self.begin_command(run))

	def begin_command(self, run: Run) -> tuple[object, ...]:
		"""What tells Redis that a run begins."""
		return "HSET", self.running_key, run.key, _pack(run)

	def end(self, run: Run, failure: Failure | None = None, begun: bool = True) -> bool:
		"""Note the end of a run, as `end_command`. One round trip. Returns whether this was the first to do so."""
		return bool(self._ask(self.end_command(run, failure, begun)))

	def end_command(self, run: Run, failure: Failure | None, begun: bool) -> tuple[object, ...]:
		"""What tells Redis the end of a run. Of several who do, only the first is heard, and is answered 1.

		Args:
			begun: Whether `begin` is known to have been heard; if not, the run is noted in any case.
		"""
		names = (self.running_key, self.ended_key, self.failures_key, self.noted_key)
		about = _pack(failure) if failure is not None else b""
		lengths = (limits.RUNS_WAITING, limits.FAILURES_WAITING)
		values = (
			run.key,
			int(begun),
			_pack(run),
			about,
			*lengths,
			limits.RUN_SECONDS,
			run.job_id,
			run.ended_at,
		)
		return "EVAL", _END, len(names), *names, *values

	def _ask(self, command: tuple[object, ...]) -> Any:
		with asking(self.connection):
			return self.connection.execute_command(*command)

	def running(self) -> list[Run]:
		"""Runs that go on, or whose end nobody noted; at most `limits.RUNS_RUNNING`."""
		with asking(self.connection):
			found: dict[bytes, bytes] = {}
			for key, value in self.connection.hscan_iter(self.running_key, count=limits.CHUNK_ROWS):
				found[key] = value
				if len(found) >= limits.RUNS_RUNNING:
					break
		return [run for value in found.values() if (run := _unpack(Run, value)) is not None]

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

	def ended(self, after: str = FIRST, count: int = limits.RUN_BATCH) -> list[Ended]:
		"""The oldest runs after a position, with what there is to tell. Two round trips."""
		entries = self._entries(f"({after}", "+", count)
		failures = self._failures(sorted({values[b"f"] for _, values in entries if values[b"f"]}))
		return [
			Ended(
				keys.text(at),
				_unpack(Run, v[b"r"]) or _unreadable(at),
				failures.get(v[b"f"]),
				keys.text(v[b"f"]),
			)
			for at, v in entries
		]

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
		return {
			at: _unpack(Failure, rows[0][1][b"f"]) for at, rows in zip(positions, found, strict=True) if rows
		}

	def forget(self, ended: Iterable[Ended]) -> None:
		"""Drop runs which a database has."""
		read = list(ended)
		with asking(self.connection):
			for positions in _chunks([run.position for run in read]):
				self.connection.xdel(self.ended_key, *positions)
			for positions in _chunks([run.told_at for run in read if run.told_at]):
				self.connection.xdel(self.failures_key, *positions)

	def forget_upto(self, position: str) -> None:
		"""Drop what a database has, but a process that died has left here. One round trip if there is none."""
		while entries := self._entries("-", position, limits.CHUNK_ROWS):
			self.forget(
				Ended(keys.text(at), _unreadable(at), told_at=keys.text(v[b"f"])) for at, v in entries
			)

	def waiting(self) -> int:
		"""Runs that ended and are in no database yet."""
		with asking(self.connection):
			return int(self.connection.xlen(self.ended_key))


def _chunks(rows: list[str]) -> Iterator[list[str]]:
	return (rows[start : start + limits.CHUNK_ROWS] for start in range(0, len(rows), limits.CHUNK_ROWS))


def _pack(record: Run | Failure) -> bytes:
	known = {name: value for name, value in vars(record).items() if value not in ("", None)}
	try:
		return orjson.dumps(known)
	except TypeError:  # a lone surrogate in a name or a traceback
		clean = {
			n: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for n, v in known.items()
		}
		return orjson.dumps(clean)


def _unpack(kind: Any, text: bytes) -> Any:
	"""A record, None for what is none (of another release of this app, say)."""
	try:
		return kind(**orjson.loads(text))
	except (ValueError, TypeError):
		return None


def _unreadable(position: bytes) -> Run:
	moment = int(position.split(b"-")[0]) / 1000
	return Run("", "unreadable", "", moment, ended_at=moment, outcome=FAILED)
