"""Alerts of a bench that breaks and is mended: with real workers, a real scheduler and a real mail server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, get_bench_path, now_datetime
from frappe.utils.background_jobs import get_redis_conn

from job_monitor.alerts import engine
from job_monitor.alerts.sources import ZOMBIES
from job_monitor.bridge.rq import actions
from job_monitor.bridge.site import state
from job_monitor.core import limits
from job_monitor.job_monitor.doctype.job_alert.test_job_alert import AlertTestCase
from job_monitor.job_monitor.doctype.job_alert_channel.test_job_alert_channel import account, channel
from job_monitor.recorder import ingest
from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.processes import kill_tree
from job_monitor.tests.support.servers import MailServer, running
from job_monitor.tests.support.workers import work_off, worker


class TestAlertsWithWorkers(AlertTestCase):
	def setUp(self) -> None:
		super().setUp()
		channel("Ops", "Email", recipients="ops@ops.example")
		frappe.db.commit()

	@contextmanager
	def mail(self) -> Iterator[MailServer]:
		with running(MailServer()) as server:
			account(server)
			frappe.db.commit()
			yield server

	def subjects(self, server: MailServer) -> list[str]:
		return [str(mail.message["Subject"]).strip().rpartition(" (")[0] for mail in server.mails]

	def look(self) -> engine.Evaluation:
		frappe.db.rollback()
		return engine.evaluate("test")

	def look_until(self, state: str, rule: str) -> None:
		def found() -> bool:
			self.look()
			return bool(self.alerts(rule=rule, state=state))

		self.wait_for(found, f"{rule} {state}")

	def test_a_killed_worker_fires_until_another_takes_its_place(self) -> None:
		self.rule("Dead Worker")
		with self.mail() as server:
			with worker("short") as first:
				job = self.enqueue("hang")
				self.wait_for(lambda: status(job) == "started", "the job runs")
				self.look()
				self.assertEqual(server.mails, [])
				kill_tree(first.pid)
				self.look_until("Firing", "Dead Worker")
			mail = server.mails[0].message.get_body(("plain",)).get_content()
			self.assertIn("It held job", mail)
			with worker("short"):
				self.look_until("Resolved", "Dead Worker")
		self.assertEqual(len(server.mails), 2)
		self.assertIn("CRITICAL: A worker died", self.subjects(server)[0])
		self.assertIn("RESOLVED: Worker ", self.subjects(server)[1])

	def test_a_worker_that_redis_has_forgotten_is_still_missed(self) -> None:
		self.rule("Dead Worker")
		with worker("short") as first:
			found = self.wait_for(lambda: self._workers_on_redis(first.pid), "the worker is there")
			kill_tree(first.pid)
		self.look_until("Firing", "Dead Worker")
		get_redis_conn().delete(*found)
		get_redis_conn().srem("rq:workers", *found)
		self.look()
		self.assertEqual([alert.state for alert in self.alerts()], ["Firing"])

	def _workers_on_redis(self, pid: int) -> list[bytes]:
		connection = get_redis_conn()
		keys = connection.smembers("rq:workers")
		return [key for key in keys if connection.hget(key, "pid") == str(pid).encode()]

	def _state_on_redis(self, pid: int) -> bytes | None:
		keys = self._workers_on_redis(pid)
		return get_redis_conn().hget(keys[0], "state") if keys else None

	def test_a_worker_that_leaves_in_peace_is_no_alert(self) -> None:
		self.rule("Dead Worker")
		with worker("short") as first:
			# A worker handles the signal to end only after it has begun to wait for jobs
			self.wait_for(lambda: self._state_on_redis(first.pid) == b"idle", "the worker waits for jobs")
			os.kill(first.pid, signal.SIGTERM)
			first.wait(timeout=30)
		self.look()
		self.assertEqual(self.alerts(), [])

	def test_a_full_queue_without_a_worker(self) -> None:
		self.rule("No Worker", queue="short")
		self.rule("Queue Depth", queue="short", threshold=80)
		frappe.local.conf.max_queued_jobs = 10
		self.addCleanup(frappe.local.conf.pop, "max_queued_jobs", None)
		limit = 10 + 50 * len(frappe.utils.get_sites())
		with self.mail() as server:
			self.look()
			self.assertEqual(server.mails, [])
			for _job in range(int(limit * 0.8) + 1):
				self.enqueue()
			self.look()
			subjects = self.subjects(server)
			self.assertIn("CRITICAL: No worker serves queue short", subjects)
			self.assertTrue(any("of {} jobs".format(limit) in subject for subject in subjects), subjects)
			work_off("short")
			self.look()
		self.assertEqual(sum(subject.startswith("RESOLVED") for subject in self.subjects(server)), 2)

	def test_an_old_job_and_a_stalled_queue(self) -> None:
		self.rule("Queue Age", queue="short", threshold=1)
		self.rule("Stalled Queue", queue="short", threshold=1)
		with worker("short"):
			first, second = self.enqueue("hang"), self.enqueue()
			self.wait_for(lambda: status(first) == "started", "the first job runs")
			time.sleep(2)
			self.look()
			self.assertEqual(
				{alert.rule for alert in self.alerts(state="Firing")}, {"Queue Age", "Stalled Queue"}
			)
			text = frappe.db.get_value("Job Alert", {"rule": "Stalled Queue"}, "text")
			self.assertIn(first, text)
		get_redis_conn().lrem(f"rq:queue:{frappe.utils.get_bench_id()}:short", 0, second)
		self.look()
		self.assertEqual({alert.state for alert in self.alerts()}, {"Resolved"})

	def test_a_job_that_hangs(self) -> None:
		grace, limits.TIMEOUT_GRACE_SECONDS = limits.TIMEOUT_GRACE_SECONDS, -100
		self.addCleanup(setattr, limits, "TIMEOUT_GRACE_SECONDS", grace)
		self.rule("Stuck Job")
		with worker("short"):
			job = self.enqueue("hang", timeout=90)
			self.wait_for(lambda: status(job) == "started", "the job runs")
			self.look()
			self.assertEqual([(a.subject, a.state) for a in self.alerts()], [(job, "Firing")])

	def test_a_zombie_fires_until_it_is_removed(self) -> None:
		self.rule("Zombie Job", subject="job_monitor.tests.support.jobs.*")
		kept = state.get(ZOMBIES)
		self.addCleanup(state.put, ZOMBIES, kept or "")
		state.put(ZOMBIES, "")
		grace = patch.object(limits, "ZOMBIE_GRACE_SECONDS", -1)
		grace.start()
		self.addCleanup(grace.stop)
		job, waiting = self.enqueue(), self.enqueue()
		get_redis_conn().lrem(f"rq:queue:{frappe.utils.get_bench_id()}:short", 0, job)
		self.look()
		self.assertEqual([(a.subject, a.state) for a in self.alerts()], [(job, "Firing")])
		with patch("job_monitor.core.rq.zombies.find", side_effect=AssertionError("no hunt at each look")):
			self.look()
			self.assertEqual([a.state for a in self.alerts()], ["Firing"])
			self.assertTrue(actions.act("remove", job)["done"])
			self.look()
		self.assertEqual([a.state for a in self.alerts()], ["Resolved"])
		self.assertEqual(status(waiting), "queued")

	def test_failing_jobs(self) -> None:
		self.rule("Failure Rate", minimum=5, subject="job_monitor.tests.support.jobs.*")
		self.rule("Method Failures", threshold=5, subject="job_monitor.tests.support.jobs.fail")
		self.rule("New Failure Group", subject="job_monitor.tests.support.jobs.fail")
		frappe.db.delete("Job Metric", {"resolution": "Minute"})
		frappe.db.delete("Job Failure Group", {"method": "job_monitor.tests.support.jobs.fail"})
		frappe.db.commit()
		for _job in range(5):
			self.enqueue("fail")
			self.enqueue("succeed")
		work_off("short")
		ingest.ingest()
		with self.mail() as server:
			self.look()
		subjects = " | ".join(self.subjects(server))
		self.assertIn("5 of 5 runs failed: job_monitor.tests.support.jobs.fail", subjects)
		self.assertIn("Failed 5 times: job_monitor.tests.support.jobs.fail", subjects)
		self.assertIn("New failure of job_monitor.tests.support.jobs.fail: ValueError", subjects)
		self.assertNotIn("hunter2", subjects)
		self.assertEqual(len(server.mails), 3)

	def test_a_failing_schedule(self) -> None:
		self.rule("Failing Schedule", subject="job_monitor.tests.support.jobs.succeed")
		schedule = self.make_schedule("succeed")
		with self.mail() as server:
			with patch("job_monitor.tests.support.jobs.succeed", side_effect=ValueError("no such invoice")):
				schedule.execute()
			self.look()
			schedule.execute()
			self.look()
		ours = [subject for subject in self.subjects(server) if "jobs.succeed" in subject]
		self.assertEqual(
			ours,
			[
				"CRITICAL: Scheduled run failed: job_monitor.tests.support.jobs.succeed",
				"RESOLVED: Schedule job_monitor.tests.support.jobs.succeed no longer fails",
			],
		)

	def test_a_scheduler_that_stops_and_starts(self) -> None:
		"""With a scheduler process of Frappe, ticking every second."""
		self.rule("Scheduler")
		self.switch_scheduler(True)
		frappe.db.sql(
			"update `tabScheduled Job Type` set last_execution = %s where name is not null",
			add_to_date(now_datetime(), hours=-1),
		)
		skipping = frappe.get_last_doc("Scheduled Job Type", {"stopped": 0})
		skipping.db_set("last_execution", add_to_date(now_datetime(), days=9))  # "Skip Next Execution"
		# Nobody has ever logged in to a fresh site, so Frappe 15 runs its schedules once a day only
		frappe.get_doc({"doctype": "Activity Log", "subject": "Administrator logged in"}).insert()
		frappe.db.commit()
		with self.mail() as server:
			self.look()
			self.assertIn("CRITICAL: The scheduler is absent", self.subjects(server)[0])
			with _scheduler():
				self.look_until("Resolved", "Scheduler")
		self.assertIn("RESOLVED: The scheduler runs again", self.subjects(server)[1])


@contextmanager
def _scheduler() -> Iterator[subprocess.Popen[bytes]]:
	"""One tick of Frappe's scheduler after the other, for this site alone, and a worker for what it queues."""
	code = (
		"import sys, time\nfrom frappe.utils.scheduler import enqueue_events_for_site\n"
		"while True:\n\tenqueue_events_for_site(sys.argv[1])\n\ttime.sleep(1)"
	)
	process: Any = subprocess.Popen(
		[sys.executable, "-c", code, frappe.local.site], cwd=os.path.join(get_bench_path(), "sites")
	)
	try:
		with worker("short", "default", "long"):
			yield process
	finally:
		process.kill()
		process.wait()
