"""A Redis of the tests' own, on which neither workers nor the scheduler of the bench are."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time

import frappe
import redis
from frappe.utils import background_jobs, get_bench_id

from job_monitor.tests.support.processes import die_with_parent


class _Server:
	"""A Redis server for queues, workers and runs, that ends with this process."""

	def __init__(self) -> None:
		program = shutil.which("redis-server") or shutil.which("valkey-server")
		if not program:
			raise RuntimeError("tests on a site start a Redis of their own: install redis-server")
		folder = tempfile.mkdtemp(prefix="job-monitor-tests-")
		with socket.socket() as free:
			free.bind(("127.0.0.1", 0))
			port = free.getsockname()[1]
		command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
		self.process = subprocess.Popen(
			command, stdout=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent
		)
		atexit.register(shutil.rmtree, folder, ignore_errors=True)
		atexit.register(self.process.kill)
		self.url = f"redis://127.0.0.1:{port}"
		self.client = redis.Redis.from_url(self.url)
		self._wait()
		if frappe.conf.use_rq_auth:
			login = frappe.conf.rq_username or get_bench_id()
			self.client.acl_setuser(login, True, nopass=True, commands=["+@all"], keys=["*"], channels=["*"])

	def _wait(self) -> None:
		for _try in range(200):
			try:
				self.client.ping()
				return
			except redis.ConnectionError:
				time.sleep(0.05)
		raise RuntimeError("the Redis of the tests does not answer")


_server: _Server | None = None


def empty_redis() -> None:
	"""Let this process and those it starts have their queues on an empty Redis that nobody else uses.

	Workers of the bench thus run no job of a test, tests run no job of the site, and no key stays.
	"""
	global _server
	if _server is None:
		_server = _Server()
		os.environ["FRAPPE_REDIS_QUEUE"] = _server.url  # Frappe prefers it to the configuration
	if frappe.local.conf.redis_queue != _server.url:
		frappe.local.conf.redis_queue = _server.url
		background_jobs._redis_queue_conn = None
	_server.client.flushall()
