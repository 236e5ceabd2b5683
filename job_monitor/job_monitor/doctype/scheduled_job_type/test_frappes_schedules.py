"""Every schedule that Frappe brings starts, ends and fails with this app as without it, whatever the site's name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import frappe
from frappe.core.doctype.scheduled_job_log.scheduled_job_log import ScheduledJobLog as FrappesLog
from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType as FrappesType
from frappe.utils import add_to_date, get_bench_path, now_datetime
from frappe.utils.background_jobs import create_job_id, get_redis_conn
from rq.job import Job

from job_monitor.tests.support.jobs import delete_jobs
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.workers import worker

LOG, TYPE = "Scheduled Job Log", "Scheduled Job Type"
LONG_AGO = "2001-01-01 00:00:00"
HERE = "job_monitor.job_monitor.doctype.scheduled_job_type.test_frappes_schedules"

LONGEST = 140
"""Frappe's Data fields hold so many characters: names may be as long."""

PLACES = ("wip", "finished", "failed", "deferred", "scheduled", "canceled")

WORKER = """
import sys, frappe
from rq import Queue, SimpleWorker
from frappe.utils.background_jobs import get_redis_conn
with frappe.init_site():
	connection = get_redis_conn()
SimpleWorker([Queue(sys.argv[1], connection=connection)], name=sys.argv[2], connection=connection).work(burst=True)
"""
"""One with a queue and a name that `bench worker` would not take."""


def run_all(site: str, frappes_own: bool, fails: bool) -> dict[str, Any]:
	"""Run each schedule of Frappe's on a site, with a body that does nothing. Runs inside a job of that site.

	Returns:
		By method: what the run left behind.
	"""
	found = {}
	for name, method in frappe.get_all(TYPE, fields=["name", "method"], as_list=True):
		if method.startswith("frappe."):
			found[method] = _run(name, frappes_own, fails)
	return found


def _run(name: str, frappes_own: bool, fails: bool) -> dict[str, Any]:
	frappe.db.set_value(TYPE, name, "last_execution", LONG_AGO)
	frappe.db.delete(LOG, {"scheduled_job_type": name})
	frappe.db.commit()
	bodies: list[int] = []

	def body() -> None:
		bodies.append(1)
		if fails:
			raise ValueError("x" * 1000)

	own, get_attr = frappe.db.get_value(TYPE, name, "method"), frappe.get_attr
	found = patch("frappe.get_attr", lambda path: body if path == own else get_attr(path))
	with _controllers(frappes_own), found:
		try:
			frappe.get_doc(TYPE, name).execute()
			raised = ""
		except Exception as error:
			raised = repr(error)
	frappe.db.rollback()
	rows = frappe.get_all(LOG, {"scheduled_job_type": name}, ["status", "details"])
	last = frappe.db.get_value(TYPE, name, "last_execution")
	keeps_log = frappe.db.get_value(TYPE, name, "create_log")
	return {
		"raised": raised,
		"bodies": len(bodies),
		"rows": [(row.status, bool(row.details)) for row in rows] if keeps_log else "none kept",
		"executed": last > add_to_date(now_datetime(), minutes=-5),
	}


@contextmanager
def _controllers(frappes_own: bool) -> Iterator[None]:
	"""Frappe's own controllers instead of this app's."""
	kept = frappe.controllers.get(frappe.local.site)
	if frappes_own:
		frappe.controllers[frappe.local.site] = {**(kept or {}), LOG: FrappesLog, TYPE: FrappesType}
	try:
		yield
	finally:
		if kept is None:
			frappe.controllers.pop(frappe.local.site, None)
		else:
			frappe.controllers[frappe.local.site] = kept


class TestFrappesSchedules(SiteTestCase):
	long_site: ClassVar[str] = ""

	def setUp(self) -> None:
		super().setUp()
		self.sites = Path(get_bench_path()) / "sites"
		name = "a-site-with-a-very-long-name." + "x" * (60 - 39) + ".localhost"
		assert len(name) == 60
		(self.sites / name).symlink_to(frappe.local.site, target_is_directory=True)
		self.addCleanup((self.sites / name).unlink)
		self.long_site = name
		kept = frappe.get_all(TYPE, ["name", "last_execution"])
		self.addCleanup(self.put_back, {row.name: row.last_execution for row in kept})

	def put_back(self, times: dict[str, Any]) -> None:
		frappe.db.rollback()
		for name, moment in times.items():
			frappe.db.set_value(TYPE, name, "last_execution", moment, update_modified=False)
		frappe.db.commit()

	def results(self, name: str, **kwargs: Any) -> dict[str, Any]:
		"""What `run_all` finds in a job whose id, queue and worker have such names."""
		from frappe.utils.background_jobs import execute_job
		from rq import Queue

		connection = get_redis_conn()
		queue = Queue(name, connection=connection)
		call = {"site": self.long_site, "user": "Administrator", "method": f"{HERE}.run_all", "event": None}
		call |= {"job_name": "x", "is_async": True, "kwargs": {"site": self.long_site, **kwargs}}
		job_id = f"{self.long_site}||{name}"
		job = queue.enqueue_call(execute_job, kwargs=call, job_id=job_id, timeout=300, result_ttl=300)
		self.addCleanup(delete_jobs, [job_id])
		command = [sys.executable, "-c", WORKER, queue.name, name]
		subprocess.run(command, cwd=self.sites, check=True, capture_output=True, timeout=200)
		self.addCleanup(connection.srem, "rq:queues", queue.key)
		self.addCleanup(connection.delete, queue.key, *(f"rq:{place}:{queue.name}" for place in PLACES))
		job = Job.fetch(job_id, connection=connection)
		self.assertEqual(job.get_status(), "finished", job.latest_result() and job.latest_result().exc_string)
		found: dict[str, Any] = job.return_value()
		return found

	def test_they_end_and_fail_as_without_this_app(self) -> None:
		for fails in (False, True):
			for name in ("jm-test-short", "jm-test-" + "n" * (LONGEST - 8)):
				with self.subTest(fails=fails, name=name):
					ours = self.results(name, frappes_own=False, fails=fails)
					frappes = self.results(name, frappes_own=True, fails=fails)
					self.assertEqual(ours, frappes)
					self.assertGreater(len(ours), 20)
					self.assertEqual({(run["bodies"], run["executed"]) for run in ours.values()}, {(1, True)})

	def test_a_real_worker_runs_one_of_a_long_name(self) -> None:
		"""Frappe's `…process_data_deletion_request` was never run on a site with more than 9 letters."""
		rows = frappe.get_all(TYPE, {"method": ["like", "frappe.%"], "create_log": 1}, ["name", "method"])
		longest = max(rows, key=lambda row: len(row.method))
		frappe.db.delete(LOG, {"scheduled_job_type": longest.name})
		frappe.db.set_value(TYPE, longest.name, "last_execution", LONG_AGO)
		frappe.db.commit()
		own = frappe.local.site
		frappe.local.site = self.long_site
		try:
			schedule = frappe.get_doc(TYPE, longest.name)
			job_id = create_job_id(schedule.rq_job_id)
			self.job_ids.append(job_id)
			schedule.enqueue(force=True)
		finally:
			frappe.local.site = own
		with worker("default", "long"):
			self.wait_for(lambda: self.statuses(longest.name) == ["Complete"], "the run ends")
		(row,) = frappe.get_all(LOG, {"scheduled_job_type": longest.name}, ["rq_job_id", "method", "worker"])
		self.assertEqual((row.rq_job_id, row.method), (job_id, longest.method))
		self.assertTrue(row.worker)
		self.assertGreater(frappe.db.get_value(TYPE, longest.name, "last_execution").year, 2001)

	def statuses(self, schedule: str) -> list[str]:
		frappe.db.rollback()
		return frappe.get_all(LOG, {"scheduled_job_type": schedule}, pluck="status")
