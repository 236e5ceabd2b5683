"""The stack of a stuck worker, on a site, with real workers."""

from __future__ import annotations

import os
import re
import socket
from unittest.mock import patch

import frappe
from frappe.utils.background_jobs import get_redis_conn

from job_monitor.bridge import context
from job_monitor.core.acts import stack
from job_monitor.core.rq import workers
from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import worker


class TestStack(SiteTestCase):
	def ask(self, what: str, **words: str) -> dict[str, str]:
		user = make_user("jm-manager@example.com", "Job Monitor Manager")
		code, answer = request(f"/api/method/job_monitor.api.{what}.get_stack", user, "POST", **words)
		self.assertEqual(code, 200, answer)
		return answer["message"]

	def test_a_running_job_shows_where_it_hangs(self) -> None:
		job_id = self.enqueue("hang")
		log = os.path.join(frappe.utils.get_bench_path(), "logs", "job-monitor-test.error.log")
		self.addCleanup(lambda: os.path.exists(log) and os.remove(log))
		with worker("short", stderr=log) as process:
			self.wait_for(lambda: status(job_id) == "started", "the job runs")
			name = frappe.get_doc("RQ Job", job_id).worker
			# "started" is said by the worker's child before it has imported the job
			self.wait_for(lambda: re.search(r"\bhang\b", self.take(name).text), "the job hangs")
			for found in (self.ask("jobs", job_id=job_id), self.ask("workers", worker=name)):
				self.assertIn("jobs.py", found["text"], found)
				self.assertRegex(found["text"], r"\bhang\b")
				self.assertNotEqual(found["pid"], process.pid)
			self.assertIsNone(process.poll())
			self.assertEqual(status(job_id), "started", "the job goes on")
			with patch("shutil.which", return_value=None):
				self.assertIn("hang", self.take_by_signal(name))
		frappe.db.rollback()
		self.assertGreaterEqual(frappe.db.count("Job Monitor Audit", {"action": "stack", "subject": name}), 2)

	def take(self, name: str) -> stack.Stack:
		"""Without the request's limit and audit."""
		return stack.take(workers.read_one(context.client(), name))

	def take_by_signal(self, name: str) -> str:
		found = self.take(name)
		self.assertEqual(found.by, "SIGUSR1")
		return found.text

	def test_readers_and_others_may_not(self) -> None:
		job_id = self.enqueue()
		for user in (
			make_user("jm-reader@example.com", "Job Monitor User"),
			make_user("jm-nobody@example.com"),
		):
			for what, words in (("jobs", {"job_id": job_id}), ("workers", {"worker": "x"})):
				code, _answer = request(
					f"/api/method/job_monitor.api.{what}.get_stack", user, "POST", **words
				)
				self.assertEqual(code, 403)

	def test_a_job_that_does_not_run_has_none(self) -> None:
		self.assertIn("does not run", self.ask("jobs", job_id=self.enqueue())["problem"])

	def fake_worker(self, **fields: str) -> str:
		connection, name = get_redis_conn(), "jm-fake-worker"
		queue = f"{frappe.utils.get_bench_id()}:short"
		words = {"queues": queue, "state": "busy", "hostname": socket.gethostname(), "pid": str(os.getpid())}
		connection.hset(f"rq:worker:{name}", mapping={**words, **fields})
		connection.expire(f"rq:worker:{name}", 60)
		self.addCleanup(connection.delete, f"rq:worker:{name}")
		return name

	def test_no_process_is_signalled_that_is_not_this_worker(self) -> None:
		with patch("os.kill", wraps=os.kill) as kill:
			for fields, problem in (
				({"hostname": "elsewhere"}, "job-monitor stack jm-fake-worker"),
				({"pid": "1"}, "another user" if os.geteuid() else "no worker"),
				({"pid": "4194304"}, "gone"),
				({"birth": "2001-01-01T00:00:00.000000Z"}, "no worker"),
			):
				self.assertIn(problem, self.ask("workers", worker=self.fake_worker(**fields))["problem"])
			self.assertFalse([call for call in kill.call_args_list if call.args[1]])

	def test_a_worker_that_runs_another_sites_job_is_not_shown(self) -> None:
		name = self.fake_worker(current_job=f"{frappe.local.site}.evil::1")
		user = make_user("jm-manager@example.com", "Job Monitor Manager")
		code, _answer = request("/api/method/job_monitor.api.workers.get_stack", user, "POST", worker=name)
		self.assertEqual(code, 403)
