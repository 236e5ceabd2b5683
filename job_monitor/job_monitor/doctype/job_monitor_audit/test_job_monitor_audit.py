"""Who acted, and who was not allowed to, is written down on every path, whatever becomes of the request."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from unittest.mock import patch

import frappe
from frappe.utils.background_jobs import get_redis_conn

from job_monitor.bridge.audit import AUDIT, BEGUN, DENIED, DONE
from job_monitor.bridge.rq import actions
from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off, worker

CORE = "/api/method/frappe.core.doctype.rq_job.rq_job."
API = "/api/method/job_monitor.api."


class AuditCase(SiteTestCase):
	reader: ClassVar[str]
	manager: ClassVar[str]

	@classmethod
	def setUpClass(cls) -> None:
		super().setUpClass()
		cls.reader = make_user("jm-reader@example.com", "Job Monitor User")
		cls.manager = make_user("jm-manager@example.com", "Job Monitor Manager")

	def setUp(self) -> None:
		super().setUp()
		self.before = set(frappe.get_all(AUDIT, pluck="name"))
		self.addCleanup(self.forget)

	def forget(self) -> None:
		"""Rows are committed by themselves, so that the test's own rollback leaves them."""
		frappe.db.rollback()
		new = [name for name in frappe.get_all(AUDIT, pluck="name") if name not in self.before]
		frappe.db.delete(AUDIT, {"name": ["in", new or [""]]})
		frappe.db.commit()

	def rows(self) -> list[tuple[str, str, str, int, str]]:
		frappe.db.rollback()
		fields = ["name", "action", "subject", "outcome", "done", "user"]
		found = frappe.get_all(AUDIT, fields=fields, order_by="creation asc, name asc")
		return [(r.action, r.subject, r.outcome, r.done, r.user) for r in found if r.name not in self.before]


class TestAudit(AuditCase):
	def test_a_denied_act_is_a_row_on_every_path(self) -> None:
		job_id = self.enqueue()
		document = f"/api/resource/RQ Job/{job_id}"
		paths: list[tuple[str, str, dict[str, Any], str]] = [
			*(
				(API + f"jobs.{act}", "POST", {"job_id": job_id}, act)
				for act in ("stop", "retry", "cancel", "remove")
			),
			(API + "jobs.get_stack", "POST", {"job_id": job_id}, "stack"),
			(API + "jobs.remove_failed", "POST", {}, "remove failed jobs"),
			(API + "workers.get_stack", "POST", {"worker": "x"}, "stack"),
			(API + "schedules.release", "POST", {"schedule": "x"}, "release"),
			(API + "progress.ask_to_stop", "POST", {"job_id": job_id}, "ask to stop"),
			(API + "failures.set_state", "POST", {"names": ["x"], "state": "Resolved"}, "resolve"),
			(API + "alerts.acknowledge", "POST", {"alert": "x"}, "acknowledge"),
			(API + "alerts.mute", "POST", {"alert": "x"}, "mute"),
			(API + "alerts.evaluate", "POST", {}, "evaluate"),
			(API + "logs.read", "POST", {"name": "scheduler"}, "read log"),
			(CORE + "stop_job", "POST", {"job_id": job_id}, "stop"),
			(CORE + "remove_failed_jobs", "POST", {}, "remove failed jobs"),
			(document, "DELETE", {}, "remove"),
			("/api/method/frappe.client.delete", "POST", {"doctype": "RQ Job", "name": job_id}, "remove"),
			("/api/method/frappe.client.cancel", "POST", {"doctype": "RQ Job", "name": job_id}, "cancel"),
		]
		for path, method, params, action in paths:
			code, answer = request(path, self.reader, method, **params)
			self.assertEqual(code, 403, (path, answer))
			row = self.rows()[-1]
			self.assertEqual((row[0], *row[2:]), (action, DENIED, 0, self.reader), path)
			self.forget()
		self.assertEqual(status(job_id), "queued")

	def test_acts_that_are_denied_again_and_again_are_one_row_that_counts(self) -> None:
		job_id = self.enqueue()
		for number in range(20):
			self.assertEqual(request(API + "jobs.stop", self.reader, "POST", job_id=f"{number}")[0], 403)
		request(API + "jobs.cancel", self.reader, "POST", job_id=job_id)
		stop, cancel = self.rows()
		self.assertEqual(stop[:2], ("stop", "0"))
		self.assertEqual(stop[2], "denied · times within five minutes: 20, the last of 19")
		self.assertEqual(cancel[:3], ("cancel", job_id, DENIED))

	def test_a_row_that_counts_denials_ends_after_five_minutes(self) -> None:
		request(API + "jobs.stop", self.reader, "POST", job_id="x")
		with patch("job_monitor.bridge.audit.TOGETHER_SECONDS", -5):
			request(API + "jobs.stop", self.reader, "POST", job_id="x")
		self.assertEqual([row[2] for row in self.rows()], [DENIED, DENIED])

	def test_a_log_that_is_read_on_by_a_cursor_is_in_the_audit(self) -> None:
		def read(**more: str) -> dict[str, Any]:
			code, answer = request(API + "logs.read", self.manager, "POST", name="worker.error", **more)
			self.assertEqual(code, 200, answer)
			return answer["message"]

		newer = read()["newer"]
		self.forget()  # as if it had been opened days ago
		read(newer=newer)
		[row] = self.rows()
		self.assertEqual((row[0], row[1], row[3]), ("read log", "worker.error", 1))
		for _n in range(3):
			read(newer=newer)
		self.assertEqual(self.rows(), [(*row[:2], f"{row[2]} · times within five minutes: 4", *row[3:])])

	def test_a_read_that_succeeds_does_not_hide_in_the_row_of_one_that_failed(self) -> None:
		for newer, code in (("zz", 417), ("", 200)):
			call = {"name": "worker.error", "newer": newer}
			self.assertEqual(request(API + "logs.read", self.manager, "POST", **call)[0], code)
		self.assertEqual([row[3] for row in self.rows()], [0, 1])

	def test_progress_that_managers_publish_for_others_is_a_row(self) -> None:
		self.assertEqual(request(API + "alerts.evaluate", self.manager, "POST")[0], 200)
		progress = {"progress": 50, "title": "Pay here"}
		for user in (self.reader, self.reader, self.manager):
			code, answer = request(
				API + "progress.publish_progress", self.manager, "POST", user=user, **progress
			)
			self.assertEqual(code, 200, answer)
		self.assertEqual(
			[row[:4] for row in self.rows()],
			[
				("evaluate", "", DONE, 1),
				("publish progress", self.reader, f"{DONE} · times within five minutes: 2", 1),
			],
		)

	def test_an_alert_that_is_muted_and_acknowledged_is_two_rows(self) -> None:
		alert = frappe.get_doc(
			doctype="Job Alert", state="Firing", severity="Warning", title="x", subject="x"
		)
		alert.insert(ignore_permissions=True, ignore_mandatory=True, ignore_links=True)
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, "Job Alert", {"name": alert.name})
		for act, more in (("acknowledge", {}), ("mute", {"until": "2100-01-01 00:00:00"})):
			code, answer = request(API + "alerts." + act, self.manager, "POST", alert=alert.name, **more)
			self.assertEqual(code, 200, answer)
		self.assertEqual(
			[row[:2] + row[3:] for row in self.rows()],
			[("acknowledge", alert.name, 1, self.manager), ("mute", alert.name, 1, self.manager)],
		)

	def test_bulk_delete_does_not_count_a_refused_job_as_deleted(self) -> None:
		job_id = self.enqueue("hang")
		items = json.dumps([job_id])
		with worker("short"):
			self.wait_for(lambda: status(job_id) == "started", "the job runs")
			code, answer = request(
				"/api/method/frappe.desk.reportview.delete_items",
				self.manager,
				"POST",
				doctype="RQ Job",
				items=items,
			)
		self.assertEqual(code, 200)
		self.assertIn("a running job must be stopped first", json.dumps(answer))
		self.assertEqual([row[:1] + row[3:4] for row in self.rows()], [("remove", 0)])

	def test_an_act_is_written_down_before_it_happens_and_survives_a_rollback(self) -> None:
		job_id = self.enqueue()
		seen: list[Any] = []

		def look(*_args: Any) -> None:
			seen.extend(self.rows())
			raise RuntimeError("in the middle")

		frappe.db.set_value("User", self.reader, "bio", "of the caller's transaction")
		with patch("job_monitor.core.acts.actions.remove", look), self.assertRaises(RuntimeError):
			actions.act("remove", job_id)
		self.assertEqual([row[:4] for row in seen], [("remove", job_id, BEGUN, 0)])
		self.assertEqual(
			[row[:4] for row in self.rows()], [("remove", job_id, "RuntimeError: in the middle", 0)]
		)
		self.assertFalse(
			frappe.db.get_value("User", self.reader, "bio"), "the caller's own change was rolled back"
		)

	def test_an_act_does_not_commit_what_its_caller_did(self) -> None:
		job_id = self.enqueue()
		frappe.db.set_value("User", self.reader, "bio", "not yet")
		self.assertTrue(actions.act("remove", job_id)["done"])
		frappe.db.rollback()
		self.assertFalse(frappe.db.get_value("User", self.reader, "bio"))
		self.assertEqual([row[:4] for row in self.rows()], [("remove", job_id, "it was deleted", 1)])

	def test_where_the_row_cannot_be_written_nothing_is_done(self) -> None:
		job_id = self.enqueue()
		with patch("job_monitor.bridge.audit.AuditEntry.insert", side_effect=RuntimeError("disk full")):
			with self.assertRaises(RuntimeError):
				actions.act("remove", job_id)
		self.assertEqual(status(job_id), "queued")


class TestCoresOwnEndpoints(AuditCase):
	"""Frappe's `stop_job` and `remove_failed_jobs`, over HTTP and for Python's callers."""

	def foreign(self, of: str, site: str) -> str:
		"""A copy of a failed job of ours, of another site of the bench."""
		connection = get_redis_conn()
		queue = connection.hget(f"rq:job:{of}", "origin").decode()
		other = of.replace(frappe.local.site, site, 1)
		connection.hset(f"rq:job:{other}", mapping=connection.hgetall(f"rq:job:{of}"))
		connection.zadd(f"rq:failed:{queue}", {other: 2**40})
		self.addCleanup(connection.delete, f"rq:job:{other}")
		self.addCleanup(connection.zrem, f"rq:failed:{queue}", other)
		return other

	def failed(self) -> str:
		job_id = self.enqueue("fail")
		work_off("short")
		self.assertEqual(status(job_id), "failed")
		return job_id

	def test_get_does_not_act(self) -> None:
		job_id = self.failed()
		system_manager = make_user("jm-system@example.com", "System Manager")
		for name, params in (("remove_failed_jobs", {}), ("stop_job", {"job_id": job_id})):
			for prefix in (CORE, "/api/v2/method/frappe.core.doctype.rq_job.rq_job."):
				self.assertEqual(request(prefix + name, system_manager, **params)[0], 403, name)
		self.assertEqual((status(job_id), self.rows()), ("failed", []))

	def test_failed_jobs_of_a_site_whose_name_begins_alike_are_left(self) -> None:
		calls = {
			"over HTTP": lambda: request(CORE + "remove_failed_jobs", self.manager, "POST"),
			"from Python": _remove_failed_jobs,
		}
		for how, call in calls.items():
			ours = self.failed()
			theirs = self.foreign(ours, frappe.local.site + ".evil")
			call()
			self.assertEqual((status(ours), status(theirs)), ("", "failed"), how)
			self.assertEqual(self.rows()[-1][0::3], ("remove failed jobs", 1), how)

	def test_stop_job_says_what_does_not_run(self) -> None:
		job_id = self.enqueue()
		code, answer = request(CORE + "stop_job", self.manager, "POST", job_id=job_id)
		self.assertEqual(code, 200)
		self.assertIn("only a running job can be stopped", json.dumps(answer))
		self.assertEqual(self.rows()[-1][0::3], ("stop", 0))


def _remove_failed_jobs() -> None:
	from frappe.core.doctype.rq_job.rq_job import remove_failed_jobs

	remove_failed_jobs()
