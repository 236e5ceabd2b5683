"""The writing half of the run log: runs that begin, end, are discarded or stopped."""

from __future__ import annotations

import time
from typing import Any

from job_monitor.core import limits
from job_monitor.core.history import run_format
from job_monitor.core.history.run_entries import Failure, pack_failure
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.run_scripts import END
from job_monitor.core.rq.connection import Connection, asking

STOPS_NOTED = 1_000
"""Jobs of a site of which it is noted that somebody stopped them: the last ones."""


class RunWriter:
	"""Notes the runs of one site of a bench.

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
		"""Note that a run began. One round trip. `end` sets the key's life."""
		self._ask(self.begin_command(run))

	def begin_command(self, run: Run) -> tuple[object, ...]:
		"""The command of `begin`."""
		return "HSET", self.running_key, run.key, run_format.pack(run, self.site)

	def end(self, run: Run, failure: Failure | None = None, begun: bool = True) -> bool:
		"""Note the end of a run. One round trip. Returns False if its end was noted before."""
		return bool(self._ask(self.end_command(run, failure, begun)))

	def end_command(
		self, run: Run, failure: Failure | None, begun: bool, unsent: int = 0
	) -> tuple[object, ...]:
		"""The command of `end`. Of several processes that note the end of a run, the first is answered 1, the others 0.

		Args:
			begun: Whether `begin` is known to have reached Redis; if not, the run is noted in any case.
			unsent: Runs before this one whose end did not reach Redis.
		"""
		names = (self.running_key, self.ended_key, self.failures_key, self.sites_key, self.dropped_key)
		about = pack_failure(failure) if failure is not None else b""
		bounds = (limits.RUNS_WAITING, limits.FAILURES_WAITING, limits.RUN_SECONDS)
		packed = run_format.pack(run, self.site)
		values = (run.key, int(begun), packed, about, *bounds, self._site_prefix, self.site, unsent)
		return "EVAL", END, len(names), *names, *values

	def discard(self, run: Run) -> bool:
		"""Forget that a run began: it was an attempt, which RQ repeats by itself. Returns whether its begin was noted."""
		return bool(self._ask(self.discard_command(run)))

	def discard_command(self, run: Run) -> tuple[object, ...]:
		"""The command of `discard`."""
		return "HDEL", self.running_key, run.key

	def note_stop(self, job_id: str) -> None:
		"""Note that somebody stops the run of a job, of which RQ may keep nothing. One round trip."""
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipe:
			pipe.zadd(self.stops_key, {job_id: time.time()})
			pipe.zremrangebyrank(self.stops_key, 0, -STOPS_NOTED - 1)
			pipe.expire(self.stops_key, limits.RUN_SECONDS)
			pipe.execute()

	def _ask(self, command: tuple[object, ...]) -> Any:
		with asking(self.connection):
			return self.connection.execute_command(*command)
