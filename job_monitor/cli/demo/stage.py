"""The demo's stage: workers on a private Redis, and jobs to which whatever can happen to a job happens."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis

from job_monitor.cli.demo import jobs
from job_monitor.core import clock
from job_monitor.core.errors import JobMonitorError
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import Job

STAGE_SECONDS = 15.0
"""Time for the jobs to get into the states that the demo shows. Later ones are not shown."""

BENCH = "home-frappe-frappe-bench"
SITES = ("erp.example.com", "erp.example.com.au")
"""The name of one site begins the other's: their jobs are kept apart all the same."""

STAFF = (("short", "default"), ("short", "default"), ("long",), ("imports",))
"""The queues of each worker. No worker serves `nightly`."""


class WorkerDidNotStart(JobMonitorError):
	"""A worker of the demo ended:"""


class Stage:
	"""Workers and jobs on the private Redis."""

	def __init__(self, url: str, folder: Path) -> None:
		self.url = url
		self.log = folder / "workers.log"
		self.connection = redis.Redis.from_url(url)
		self.client = RqClient(self.connection, BENCH)
		self.workers: list[subprocess.Popen[bytes]] = []

	def start_worker(self, *queues: str) -> subprocess.Popen[bytes]:
		"""The process of a new worker for these queues, by their short names."""
		names = ",".join(f"{BENCH}:{queue}" for queue in queues)
		with self.log.open("ab") as log:
			process = subprocess.Popen(
				[sys.executable, "-m", jobs.__name__, self.url, names],
				stdin=subprocess.DEVNULL,
				stdout=log,
				stderr=log,
				start_new_session=True,
			)
		self.workers.append(process)
		return process

	def enqueue(self, queue: str, method: str, /, site: str = SITES[0], **options: Any) -> str:
		"""Enqueue a job, see `jobs.enqueue`. Returns its id."""
		return jobs.enqueue(self.connection, f"{BENCH}:{queue}", site, method, **options)

	def wait(self, condition: Callable[[], object]) -> None:
		"""Wait until `condition` is true, for at most `STAGE_SECONDS`.

		Raises:
			WorkerDidNotStart: A worker ended; with the end of its log.
		"""
		until = time.monotonic() + STAGE_SECONDS
		while not condition() and time.monotonic() < until:
			for worker in self.workers:
				if worker.poll() not in (None, -signal.SIGKILL):
					raise WorkerDidNotStart(self.log.read_text("utf-8", "replace")[-1000:])
			time.sleep(0.05)

	def end(self) -> None:
		"""Kill the workers. The processes of their jobs end by themselves when their worker is gone."""
		for worker in self.workers:
			worker.kill()
		for worker in self.workers:
			worker.wait()

	# Jobs

	def lose_a_worker(self) -> None:
		"""Kill a worker together with the job it runs, as when its host loses power."""
		lost = self.start_worker("long")
		job_id = self.enqueue("long", "erpnext.reports.consolidate", timeout=1500, company="Example Ltd")
		self.wait(lambda: read_job(self.client, job_id).status == keys.STARTED)
		lost.kill()

	def open(self) -> None:
		"""Enqueue jobs that succeed, fail, hang, time out, get killed, wait, and report progress."""
		self.stuck = self.enqueue("long", "shop_sync.api.push_stock", timeout=30, warehouse="Stores")
		for number, site in enumerate(SITES):
			self.enqueue(
				"imports",
				"frappe.core.doctype.data_import.data_import.start_import",
				site,
				rows=4000,
				seconds=90 + 30 * number,
				data_import=f"Item Import {number + 1}",
				api_key="never shown",
			)
		self.enqueue("default", "shop_sync.api.pull_orders", timeout=2, since="2026-01-31", page=7)
		self.enqueue("default", "frappe.utils.backups.scheduled_backup", SITES[1], timeout=1500)
		self.enqueue(
			"short",
			"erpnext.accounts.close_ledger",
			company="Example Ltd",
			api_secret="masked before it is shown",
			user="jane@example.com",
		)
		for number in range(60):
			self.add(number)
		for number in range(12):
			self.enqueue("default", "erpnext.stock.reorder_item.reorder_item", seconds=2.5, batch=number)
		self._leave_behind()

	def _leave_behind(self) -> None:
		"""Make jobs that are old: three in a queue without workers, and a zombie as a crash leaves it."""
		for number in range(3):
			self._backdate(
				self.enqueue("nightly", "erpnext.accounts.utils.recalculate_outstanding", batch=number),
				timedelta(minutes=40),
			)
		method = "frappe.email.queue.flush"
		zombie = self.enqueue("short", method, SITES[1], job_id=f"scheduled_job::{method}")
		self.connection.lrem(keys.queue_key(f"{BENCH}:short"), 0, zombie)
		self._backdate(zombie, timedelta(hours=3))

	def _backdate(self, job_id: str, age: timedelta, *more: str) -> None:
		moment = (clock.now() - age).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
		fields: Any = dict.fromkeys(("created_at", "enqueued_at", *more), moment)
		self.connection.hset(keys.job_key(job_id), mapping=fields)

	def add(self, number: int) -> None:
		"""Enqueue an everyday job. Each eighth fails."""
		site = SITES[number % 3 == 2]
		if number % 8 == 5:
			self.enqueue("short", "frappe.email.send_newsletter", site, recipient=f"user{number}@example.com")
			return
		methods = ("frappe.desk.search.sync_global_search", "erpnext.accounts.utils.recalculate_outstanding")
		queue = ("short", "default")[number % 2]
		self.enqueue(
			queue, methods[number % 2], site, seconds=0.08 * (1 + number % 4), voucher=f"SINV-{number:05}"
		)

	def ready(self) -> bool:
		"""Whether a job has failed, another was killed, timed out, is stuck, and reports its progress."""
		failed = " ".join(job.exception for job in self.failed())
		if not all(
			sign in failed for sign in ("ConnectionRefused", "terminated unexpectedly", "maximum timeout")
		):
			return False
		running = read_page(self.client, JobQuery(statuses=(keys.STARTED,))).rows
		if not any(job.id == self.stuck for job in running):
			return False
		# A stuck job is minutes late, and a demo is shorter: its start is dated back
		self._backdate(self.stuck, timedelta(minutes=12), "started_at")
		return any(job.progress for job in running)

	def failed(self) -> tuple[Job, ...]:
		"""The newest failed jobs, at most 50."""
		return read_page(self.client, JobQuery(statuses=(keys.FAILED,), limit=50)).rows

	@contextmanager
	def daily_business(self) -> Iterator[None]:
		"""Enqueue jobs until the end of the block, so that a live view has something to show."""
		over = threading.Event()

		def enqueue_jobs() -> None:
			number = 60
			while not over.wait(random.uniform(0.2, 0.9)):
				self.add(number)
				number += 1

		thread = threading.Thread(target=enqueue_jobs, daemon=True)
		thread.start()
		try:
			yield
		finally:
			over.set()
			thread.join()
