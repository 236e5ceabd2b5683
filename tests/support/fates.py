"""Runs of jobs with every fate that the recorder has to note: what the hooks write, and what RQ leaves behind."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from job_monitor.core.history import failed_registries, reconcile
from job_monitor.core.history.run_entries import Ended, Failure
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.runs import FIRST, RunLog
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.records import Worker
from tests.support.jobs import BENCH, SITE, full

QUEUES = ("default", "short")
KILLED_TRACE = "Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); "

FATES = {
	"success": "success",
	"failed": "failed",
	"timeout": "timeout",
	"fails in rq after its end": "success",
	"begin unheard": "success",
	"end unheard": "success",
	"failure unheard": "failed",
	"stopped": "stopped",
	"killed": "killed",
	"abandoned": "killed",
	"vanished": "killed",
	"requeued": "killed",
	"no import": "failed",
}
"""Fate and the outcome to be recorded."""


class World:
	"""A bench whose time is made up, and a database that may lose what is not committed."""

	def __init__(self, connection: Any, seed: int) -> None:
		self.connection, self.rng = connection, random.Random(seed)
		self.log, self.client = RunLog(connection, BENCH, SITE), RqClient(connection, BENCH)
		self.now = time.time() - 3000
		self.current: set[str] = set()
		self.made: Counter[str] = Counter()
		self.fates: dict[str, list[str]] = {}
		# The database
		self.after, self.recorded = FIRST, list[Ended]()
		self.cursors: failed_registries.Cursors | None = None
		connection.sadd("rq:queues", *(f"rq:queue:{full(queue)}" for queue in QUEUES))
		self.sweep()

	def tick(self) -> float:
		self.now += self.rng.uniform(0.01, 0.4)
		return round(self.now, 6)

	# Runs

	def run(self, job_id: str, fate: str) -> Iterator[None]:
		"""The steps of one run; in between, anything may happen."""
		queue = QUEUES[len(job_id) % len(QUEUES)]
		self.made[job_id] += 1
		self.fates.setdefault(job_id, []).append(fate)
		self._write(job_id, queue, "started", started_at=_stamp(self.tick()), ended_at="")
		self.connection.zrem(f"rq:failed:{full(queue)}", job_id)
		self.current.add(job_id)
		yield
		run = Run(job_id, "app.method", queue, self.tick(), worker="w")
		if fate not in ("begin unheard", "no import"):
			self.log.begin(run)
			yield
		self._tell_end(run, fate)
		yield
		self._leave(job_id, queue, fate)
		self.current.discard(job_id)

	def _tell_end(self, run: Run, fate: str) -> None:
		outcome = FATES[fate]
		ended = replace(run, ended_at=self.tick(), outcome=outcome, duration=0.1)
		if fate in ("success", "failed", "timeout", "fails in rq after its end", "begin unheard"):
			failure = Failure("ValueError", "wrong") if outcome != "success" else None
			for _again in range(self.rng.choice((1, 1, 2))):
				self.log.end(ended, failure, begun=fate != "begin unheard")
				if fate == "begin unheard":
					return

	def _leave(self, job_id: str, queue: str, fate: str) -> None:
		"""What RQ's keys say once the job's process is gone."""
		if fate in ("success", "begin unheard", "end unheard"):
			self._write(job_id, queue, "finished", ended_at=_stamp(self.tick()))
		elif fate == "vanished":
			self.connection.delete(f"rq:job:{job_id}")
		elif fate == "requeued":
			self._write(job_id, queue, "queued")
		elif fate != "abandoned":
			text = KILLED_TRACE if fate == "killed" else "Traceback\nValueError: wrong"
			status = "stopped" if fate == "stopped" else "failed"
			self._write(job_id, queue, status, ended_at=_stamp(self.tick()), exc_info=text)
			score = int(self.tick()) + 7 * 86400
			self.connection.zadd(f"rq:failed:{full(queue)}", {job_id: score})

	def _write(self, job_id: str, queue: str, status: str, **fields: str) -> None:
		fields |= {"status": status, "origin": full(queue), "worker_name": "w"}
		self.connection.hset(f"rq:job:{job_id}", mapping=fields)

	# The recorder

	def sweep(self) -> None:
		"""Two processes at once close what is lost; then one catches up, and may die before it commits."""
		workers = [Worker("w", current_job_ids=tuple(self.current))]
		with ThreadPoolExecutor(2) as pool:
			list(pool.map(lambda _: reconcile.close(self.client, self.log, lambda: workers), range(2)))
		cursors, _noted = failed_registries.catch_up(self.client, self.log, SITE, self.cursors)
		if self.cursors is None or self.rng.random() < 0.8:
			self.cursors = cursors

	def write_down(self, whole: bool = False) -> None:
		"""One batch; the process may die before it commits, or after, before Redis forgets."""
		batch = self.log.ended(self.after, 1000 if whole else self.rng.choice((1, 7, 50)))
		if not batch or (not whole and self.rng.random() < 0.2):
			return
		self.recorded += batch
		self.after = batch[-1].position
		if self.rng.random() < 0.7:
			self.log.forget(batch)

	def counts(self) -> Counter[str]:
		return Counter(ended.run.job_id for ended in self.recorded)


def _stamp(moment: float) -> str:
	return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
