"""Faults of Redis, the database, the disk or the clock in this app's hooks: the job ends as without them, a second later at most."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe
import redis
from frappe.utils import get_bench_path
from frappe.utils.background_jobs import execute_job, generate_qname
from rq import Queue
from rq.job import Job

from job_monitor.bridge import context
from job_monitor.cli.demo.redis_server import redis_executable
from job_monitor.core import limits
from job_monitor.core.history.runs import RunLog
from job_monitor.progress import track
from job_monitor.tests.support.servers import Proxy, running
from job_monitor.tests.support.site_test_case import SiteTestCase

IN_ALL = 1.0
"""Seconds that a job may lose."""

NOISE = 0.15
"""Seconds that a busy machine may take on top."""


def work(seconds: float = 0.0, fails: bool = False) -> str:
	time.sleep(seconds)
	if fails:
		raise ValueError("the job's own")
	return "done"


def leave_a_task_open() -> str:
	for number in track(range(3), title="Import"):
		if number == 1:
			break
	return "done"


@contextmanager
def redis_on_a_port(folder: Path) -> Iterator[int]:
	"""A server of the test's own, which it may fill, lock and freeze."""
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		port = int(probe.getsockname()[1])
	command = [
		redis_executable(),
		"--port",
		str(port),
		"--bind",
		"127.0.0.1",
		"--dir",
		str(folder),
		"--save",
		"",
	]
	process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
	try:
		with redis.Redis(port=port) as connection:
			for _try in range(200):
				try:
					connection.ping()
					break
				except redis.exceptions.ConnectionError:
					time.sleep(0.05)
		yield port
	finally:
		process.kill()
		process.wait()


class TestFaults(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		folder = self.enterContext(tempfile.TemporaryDirectory())  # type: ignore[attr-defined]
		self.folder = Path(folder)
		self.port = self.enterContext(redis_on_a_port(self.folder))  # type: ignore[attr-defined]
		self.connection = redis.Redis(port=self.port)
		self.proxy = self.enterContext(running(Proxy(self.port, self.folder / "fault")))  # type: ignore[attr-defined]

	def enqueue_here(self, timeout: int = 60, method: str = "work", **kwargs: Any) -> Job:
		queue = Queue(generate_qname("short"), connection=self.connection)
		call = {"site": frappe.local.site, "user": "Administrator", "event": None, "job_name": "x"}
		call |= {"method": f"{__name__}.{method}", "is_async": True, "kwargs": kwargs}
		job_id = f"{frappe.local.site}||{frappe.generate_hash(length=8)}"
		return queue.enqueue_call(execute_job, kwargs=call, job_id=job_id, timeout=timeout)

	def work_off(self, fault: str) -> list[float]:
		"""Seconds that the hooks took, in turn before and after each job."""
		subprocess.run(
			[
				sys.executable,
				"-m",
				"job_monitor.tests.support.faulty_worker",
				fault,
				str(self.folder),
				str(self.port),
			],
			cwd=os.path.join(get_bench_path(), "sites"),
			env={**os.environ, "FRAPPE_REDIS_QUEUE": f"redis://127.0.0.1:{self.proxy.port}"},
			capture_output=True,
			check=True,
			timeout=120,
		)
		return [float(line) for line in (self.folder / "times").read_text().split()]

	def runs(self) -> list[Any]:
		log = RunLog(self.connection, context.client().bench or "", frappe.local.site)
		return [ended.run for ended in log.ended()]

	def check(self, fault: str) -> list[float]:
		fine, failing = self.enqueue_here(), self.enqueue_here(fails=True)
		times = self.work_off(fault)
		fine, failing = (Job.fetch(job.id, connection=self.connection) for job in (fine, failing))
		self.assertEqual((fine.get_status(), fine.return_value()), ("finished", "done"))
		self.assertEqual(failing.get_status(), "failed")
		self.assertTrue(failing.latest_result().exc_string.rstrip().endswith("ValueError: the job's own"))
		self.assertEqual(len(times), 4)
		self.assertLess(max(times), limits.HOOK_SECONDS + NOISE, times)
		for before, after in (times[:2], times[2:]):
			self.assertLess(before + after, IN_ALL + NOISE, times)
		return times

	def test_none(self) -> None:
		self.check("none")
		self.assertEqual([run.outcome for run in self.runs()], ["success", "failed"])

	def test_redis_freezes(self) -> None:
		times = self.check("frozen")
		self.assertLess(sum(times), limits.HOOK_SECONDS + 3 * NOISE, "the second job's horse spares Redis")

	def test_redis_freezes_at_the_end_while_a_task_is_open(self) -> None:
		"""Two ask Redis then: the recorder, and the progress of the task, which share the hook's limit."""
		job = self.enqueue_here(method="leave_a_task_open")
		_before, after = self.work_off("frozen")
		self.assertGreater(after, limits.HOOK_REDIS_SECONDS, "the hook waits for Redis")
		self.assertLess(after, limits.HOOK_SECONDS + NOISE)
		self.assertEqual(Job.fetch(job.id, connection=self.connection).get_status(), "finished")

	def test_redis_is_slow(self) -> None:
		self.check("slow")

	def test_redis_answers_byte_by_byte(self) -> None:
		self.check("drips")

	def test_redis_is_full(self) -> None:
		self.check("full")

	def test_redis_is_read_only(self) -> None:
		self.check("read-only")

	def test_the_database_is_away(self) -> None:
		self.check("no database")
		self.assertEqual([run.outcome for run in self.runs()], ["success", "failed"])

	def test_the_disk_is_full(self) -> None:
		self.check("full disk")

	def test_the_clock_jumps(self) -> None:
		for fault in ("clock back", "clock forward"):
			self.connection.flushall()
			(self.folder / "times").unlink(missing_ok=True)
			self.check(fault)
			self.assertEqual([run.outcome for run in self.runs()], ["success", "failed"])
			self.assertTrue(all(0 <= run.duration < 30 for run in self.runs()))

	def test_a_frozen_redis_takes_nothing_of_the_jobs_time(self) -> None:
		job = self.enqueue_here(timeout=15, seconds=8)
		self.work_off("frozen")
		job = Job.fetch(job.id, connection=self.connection)
		self.assertEqual(job.get_status(), "finished", job.latest_result() and job.latest_result().exc_string)

	def test_a_job_that_takes_too_long_is_still_ended(self) -> None:
		job = self.enqueue_here(timeout=5, seconds=30)
		self.work_off("frozen")
		job = Job.fetch(job.id, connection=self.connection)
		self.assertEqual(job.get_status(), "failed")
		self.assertIn("JobTimeoutException", job.latest_result().exc_string)
