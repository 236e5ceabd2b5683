"""For the tests on a site: real jobs, real workers, requests through the whole stack of Frappe."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import time
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar

import frappe
import psutil
from frappe.utils import get_bench_path
from frappe.utils.background_jobs import get_redis_conn
from frappe.utils.scheduler import toggle_scheduler
from rq.job import Job

from job_monitor.tests.isolation import SiteRows, die_with_parent, empty_redis, kill_tree

WAIT_SECONDS = 40.0


def succeed(**kwargs: Any) -> str:
	return "done"


def fail(**kwargs: Any) -> None:
	raise ValueError(f"no such invoice, password=hunter2 {kwargs.get('note', '')}")


def hang(seconds: float = 120, **kwargs: Any) -> None:
	time.sleep(seconds)


class SiteTestCase(unittest.TestCase):
	"""Each test begins with an empty Redis of its own; after each class the site's rows are as they were.

	Frappe's own class of tests is not used: on 16 it makes records of every DocType that ours link to, and leaves them.
	"""

	maxDiff = 10_000

	job_ids: ClassVar[list[str]] = []

	@classmethod
	def setUpClass(cls) -> None:
		super().setUpClass()
		frappe.set_user("Administrator")
		cls.addClassCleanup(setattr, frappe.local, "flags", copy.deepcopy(frappe.local.flags))
		empty_redis()
		cls.addClassCleanup(SiteRows().put_back)
		speak_english()

	def setUp(self) -> None:
		super().setUp()
		empty_redis()
		self.job_ids.clear()
		frappe.clear_messages()
		frappe.set_user("Administrator")
		self.addCleanup(frappe.set_user, "Administrator")

	def enqueue(self, method: str = "succeed", queue: str = "short", **kwargs: Any) -> str:
		"""Enqueue a function of this module. Returns the job's id."""
		job = frappe.enqueue(f"job_monitor.tests.site_tests.{method}", queue=queue, **kwargs)
		self.job_ids.append(job.id)
		return job.id

	def switch_scheduler(self, on: bool) -> None:
		"""Of the site, in its settings. Frappe 16 keeps what it, or a process that read before the commit, knew of them."""
		toggle_scheduler(on)
		frappe.db.commit()
		frappe.clear_document_cache("System Settings", "System Settings")
		if hasattr(frappe.local, "system_settings"):
			del frappe.local.system_settings

	def wait_for(self, condition: Callable[[], Any], message: str) -> Any:
		deadline = time.monotonic() + WAIT_SECONDS
		while time.monotonic() < deadline:
			if result := condition():
				return result
			time.sleep(0.1)
		self.fail(f"not within {WAIT_SECONDS:.0f} s: {message}")


def speak_english() -> None:
	"""Of the site, whose alerts are in its language, and of this process."""
	frappe.db.set_single_value("System Settings", "language", "en")
	frappe.db.commit()
	frappe.local.lang = "en"


def delete_jobs(ids: list[str]) -> None:
	connection = get_redis_conn()
	while ids:
		job_id = ids.pop()
		if Job.exists(job_id, connection=connection):
			Job.fetch(job_id, connection=connection).delete()


def status(job_id: str) -> str:
	return (get_redis_conn().hget(f"rq:job:{job_id}", "status") or b"").decode()


def _worker(*queues: str, burst: bool, stderr: str = os.devnull) -> subprocess.Popen[bytes]:
	command = [
		sys.executable,
		"-m",
		"frappe.utils.bench_helper",
		"frappe",
		"worker",
		"--queue",
		",".join(queues),
	]
	return subprocess.Popen(
		command + (["--burst"] if burst else []),
		cwd=os.path.join(get_bench_path(), "sites"),
		stdout=subprocess.DEVNULL,
		stderr=open(stderr, "ab"),
		start_new_session=True,
		preexec_fn=die_with_parent,
	)


def work_off(*queues: str) -> None:
	"""Let a real worker run everything that waits in these queues."""
	process = _worker(*queues, burst=True)
	try:
		process.wait(timeout=120)
	finally:
		kill_tree(process.pid)


@contextmanager
def worker(*queues: str, stderr: str = os.devnull) -> Iterator[subprocess.Popen[bytes]]:
	"""A real worker that stays until the end of the block."""
	process = _worker(*queues, burst=False, stderr=stderr)
	try:
		yield process
	finally:
		kill_tree(process.pid)
		process.wait()


def kill_horse(worker_pid: int) -> None:
	"""SIGKILL the process that runs the worker's job."""
	for process in psutil.Process(worker_pid).children():
		process.kill()


def kill_all(worker_pid: int) -> None:
	"""SIGKILL a worker, then its horse, so that nobody is left to notice."""
	kill_tree(worker_pid)


@contextmanager
def locked_row(doctype: str, name: str) -> Iterator[None]:
	"""Another connection holds the lock of a row until the end of the block."""
	own, frappe.local.db = frappe.local.db, None
	try:
		frappe.connect(set_admin_as_user=False)
		other = frappe.local.db
	finally:
		frappe.local.db = own
	other.sql(f"select name from `tab{doctype}` where name = %s for update", name)
	try:
		yield
	finally:
		other.rollback()
		other.close()


def make_user(email: str, *roles: str, user_type: str = "System User") -> str:
	if frappe.db.exists("User", email):
		frappe.delete_doc("User", email, force=True, ignore_permissions=True)
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": email,
			"first_name": email.split("@")[0],
			"user_type": user_type,
			"send_welcome_email": 0,
			"api_key": frappe.generate_hash(length=15),
			"api_secret": "s3cret-of-" + email,
		}
	).insert(ignore_permissions=True)
	if roles:
		user.add_roles(*roles)
	frappe.db.commit()
	return email


def request(path: str, user: str = "", method: str = "GET", /, **params: Any) -> tuple[int, Any]:
	"""A request through Frappe's whole stack, in a thread of its own. Returns (status code, JSON or text)."""
	headers = {"X-Frappe-Site-Name": frappe.local.site, "Accept": "application/json"}
	if user:
		headers["Authorization"] = f"token {frappe.db.get_value('User', user, 'api_key')}:s3cret-of-{user}"

	def send() -> tuple[int, Any]:
		from frappe.app import application
		from werkzeug.test import Client

		given = {"query_string": params} if method == "GET" else {"json": params}
		answer = Client(application).open(path, method=method, headers=headers, **given)
		try:
			return answer.status_code, answer.get_json(silent=True) or answer.get_data(as_text=True)
		finally:
			answer.close()  # as a server does: what Frappe leaves for afterwards runs, and its connection is let go

	with ThreadPoolExecutor(1) as pool:
		return pool.submit(send).result()


def make_examples() -> None:
	"""Jobs of every kind for a look at Desk: `bench --site S execute job_monitor.tests.site_tests.make_examples`."""
	for _n in range(6):
		frappe.enqueue("frappe.utils.global_search.sync_global_search", queue="short")
	frappe.enqueue("frappe.email.queue.flush", queue="default")
	frappe.enqueue("frappe.utils.get_datetime", queue="default", datetime_str="31/31/2026")
	frappe.enqueue(
		"job_monitor.tests.site_tests.fail", queue="default", invoice="SINV-0042", api_key="abcdef"
	)
	frappe.enqueue(
		"job_monitor.tests.site_tests.hang", queue="default", seconds=900, customer="ACME", password="x"
	)
	for number in range(6):
		frappe.enqueue(
			"frappe.core.doctype.prepared_report.prepared_report.generate_report",
			queue="long",
			prepared_report=f"PR-{number:04}",
		)
	for method in ("frappe.email.queue.flush", "frappe.oauth.delete_oauth2_data", "frappe.monitor.flush"):
		for name in frappe.get_all("Scheduled Job Type", {"method": method}, pluck="name"):
			frappe.get_doc("Scheduled Job Type", name).execute()


def loop_with_progress(items: int = 400, seconds: float = 0.04, fails: bool = False, **kwargs: Any) -> None:
	from job_monitor.progress.progress import track

	for number in track(range(items), title="Import of items", description="items.csv"):
		time.sleep(seconds)
		if fails and number == 20:
			raise ValueError("row 20: no such item, password=hunter2")


def enqueue_examples_of_progress() -> None:
	"""Two jobs with progress, of which the second fails."""
	for fails in (False, True):
		frappe.enqueue("job_monitor.tests.site_tests.loop_with_progress", queue="short", fails=fails)
