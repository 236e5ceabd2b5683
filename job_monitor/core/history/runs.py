"""Runs of jobs as the recorder notes them: kept on Redis from their start until a database has them.

Keys of a site: a hash of the runs that go on, a stream of the ended runs, a stream of the failures' texts, the ends of
the last runs that a database has, the number of runs read at once, and the jobs that somebody stopped. Keys of the
bench: its sites, and the number of dropped runs of each.
Ended runs are bounded for all sites of a bench together, and all keys expire a week after the last write.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from job_monitor.core import limits
from job_monitor.core.history import run_format
from job_monitor.core.history.run_entries import Ended, Failure, LogState, unpack_failure, unreadable_run
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.run_scripts import NOTE
from job_monitor.core.history.run_writer import RunWriter
from job_monitor.core.rq import keys
from job_monitor.core.rq.connection import asking

FIRST = "0-0"
"""A position before every run."""


class RunLog(RunWriter):
	"""The runs of one site of a bench: noted, read, and forgotten once a database has them.

	Every method raises CouldNotAsk if Redis gives no answer.
	"""

	def stopped_at(self, job_id: str, started_at: float) -> float | None:
		"""When somebody stopped the run that began then, or a later run of its job; None if no stop is noted. Unix times."""
		at = self._ask(("ZSCORE", self.stops_key, job_id))
		return float(at) if at is not None and float(at) >= started_at else None

	def running(self) -> list[Run]:
		"""Runs that go on, or whose end was not noted; at most `limits.RUNS_RUNNING`."""
		with asking(self.connection):
			found: dict[bytes, bytes] = {}
			for key, value in self.connection.hscan_iter(self.running_key, count=limits.CHUNK_ROWS):
				found[key] = value
				if len(found) >= limits.RUNS_RUNNING:
					break
		runs = (run_format.unpack(value, self.site) for value in found.values())
		return [run for run in runs if run is not None]

	def noted_at(self, job_ids: Iterable[str]) -> list[float | None]:
		"""End of the last noted run of each of these jobs, as a Unix time; None if none is noted. One round trip."""
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			for job_id in job_ids:
				pipe.zscore(self.noted_key, job_id)
			return list(pipe.execute())

	def forget_noted(self, before: float) -> None:
		"""Forget the noted ends before this Unix time."""
		with asking(self.connection):
			self.connection.zremrangebyscore(self.noted_key, "-inf", f"({before!r}")

	def state(self) -> LogState:
		"""The log's state. One round trip."""
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			pipe.hget(self.sites_key, self.site)
			pipe.xlen(self.ended_key)
			pipe.hget(self.dropped_key, self.site)
			pipe.get(self.batch_key)
			born, waiting, dropped, size = pipe.execute()
		return LogState(keys.text(born), int(waiting), int(dropped or 0), None if size is None else int(size))

	def note_batch(self, size: int | None) -> None:
		"""Note how many runs to read at once if this process dies, or fails, over those it reads now; None forgets it."""
		with asking(self.connection):
			if size is None:
				self.connection.delete(self.batch_key)
			else:
				self.connection.set(self.batch_key, size, ex=limits.RUN_SECONDS)

	def ended(self, after: str = FIRST, count: int = limits.RUN_BATCH) -> list[Ended]:
		"""The oldest ended runs after a position, with their failures, of which there are at most
		`limits.FAILURE_BATCH`. Two round trips."""
		entries = self._entries(f"({after}", "+", count)
		failed = [at for at, (_, values) in enumerate(entries) if values[b"f"]]
		if len(failed) > limits.FAILURE_BATCH:
			entries = entries[: failed[limits.FAILURE_BATCH]]
		failures = self._failures(sorted({values[b"f"] for _, values in entries if values[b"f"]}))
		return [self._read(at, values, failures.get(values[b"f"])) for at, values in entries]

	def _read(self, at: bytes, values: dict[bytes, bytes], failure: Failure | None) -> Ended:
		run = run_format.unpack(values[b"r"], self.site) or unreadable_run(at)
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
		return {
			at: unpack_failure(rows[0][1][b"f"]) for at, rows in zip(positions, found, strict=True) if rows
		}

	def waiting_ends(self) -> dict[str, float]:
		"""End of the last waiting run of each job, as a Unix time, by job id. A round trip for each `limits.RUN_BATCH` runs."""
		found: dict[str, float] = {}
		after = FIRST
		while entries := self._entries(f"({after}", "+", limits.RUN_BATCH):
			_keep_last(found, (run_format.end_of(values[b"r"], self.site) for _, values in entries))
			after = keys.text(entries[-1][0])
		return found

	def forget(self, ended: Iterable[Ended]) -> None:
		"""Drop runs which a database has; their ends stay noted for `limits.RUNS_NOTED_SECONDS`."""
		read = list(ended)
		recent = time.time() - limits.RUNS_NOTED_SECONDS
		times: dict[str, float] = {}
		_keep_last(
			times, ((entry.run.job_id, entry.run.ended_at) for entry in read if entry.run.ended_at > recent)
		)
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			for ids in _chunks(list(times)):
				pipe.eval(
					NOTE, 1, self.noted_key, *(v for job_id in ids for v in (job_id, repr(times[job_id])))
				)
			pipe.expire(self.noted_key, limits.RUN_SECONDS)
			for positions in _chunks([entry.position for entry in read]):
				pipe.xdel(self.ended_key, *positions)
			for positions in _chunks([entry.failure_position for entry in read if entry.failure_position]):
				pipe.xdel(self.failures_key, *positions)
			pipe.execute()

	def forget_upto(self, position: str) -> None:
		"""Drop the runs up to a position: a database has them, a process that died left them. One round trip if there are none."""
		while entries := self._entries("-", position, limits.CHUNK_ROWS):
			self.forget(self._read(at, values, None) for at, values in entries)

	def waiting(self) -> int:
		"""Runs that ended and are in no database yet."""
		with asking(self.connection):
			return int(self.connection.xlen(self.ended_key))

	def drop(self, number: int) -> None:
		"""Count runs as lost; a negative number takes back what a database has counted."""
		with asking(self.connection):
			self.connection.hincrby(self.dropped_key, self.site, number)


def _keep_last(times: dict[str, float], ends: Iterable[tuple[str, float]]) -> None:
	"""Keep the latest end of each job; ends do not always come in order."""
	for job_id, ended_at in ends:
		times[job_id] = max(ended_at, times.get(job_id, 0.0))


def _chunks(rows: list[str]) -> Iterator[list[str]]:
	return (rows[start : start + limits.CHUNK_ROWS] for start in range(0, len(rows), limits.CHUNK_ROWS))
