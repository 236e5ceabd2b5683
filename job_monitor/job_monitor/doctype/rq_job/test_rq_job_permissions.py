"""Who may see and act: on every path by which RQ Job, RQ Worker and Scheduled Job Log can be asked."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import frappe

from job_monitor.testing import SiteTestCase, kill_horse, make_user, request, status, work_off, worker

SECRET = "geheimnis-of-this-test"
LIST = "/api/method/frappe.desk.reportview."


class TestPermissions(SiteTestCase):
	users: ClassVar[dict[str, str]]

	@classmethod
	def setUpClass(cls) -> None:
		super().setUpClass()
		cls.users = {
			"guest": "",
			"website": make_user("jm-website@example.com", user_type="Website User"),
			"nobody": make_user("jm-nobody@example.com", "Desk User"),
			"reader": make_user("jm-reader@example.com", "Job Monitor User"),
			"manager": make_user("jm-manager@example.com", "Job Monitor Manager"),
		}

	def ask(self, who: str, path: str, **params: Any) -> tuple[int, Any]:
		return request(path, self.users[who], **params)

	def paths(self, doctype: str, name: str) -> list[tuple[str, dict[str, Any]]]:
		fields = json.dumps(["name"])
		return [
			(LIST + "get", {"doctype": doctype, "fields": fields}),
			(LIST + "get", {"doctype": doctype, "fields": fields, "flags": '{"ignore_permissions": 1}'}),
			(LIST + "get_list", {"doctype": doctype, "fields": fields, "ignore_permissions": "1"}),
			(LIST + "get_count", {"doctype": doctype, "fields": fields}),
			(LIST + "export_query", {"doctype": doctype, "fields": fields, "file_format_type": "CSV"}),
			("/api/method/frappe.client.get_list", {"doctype": doctype}),
			(f"/api/resource/{doctype}", {}),
			(f"/api/resource/{doctype}/{name}", {}),
			(f"/api/v2/document/{doctype}", {}),
			("/api/method/frappe.desk.form.load.getdoc", {"doctype": doctype, "name": name}),
			("/api/method/frappe.desk.search.search_link", {"doctype": doctype, "txt": ""}),
		]

	def test_without_the_role_nothing_is_told_on_any_path(self) -> None:
		job_id = self.enqueue(note=SECRET)
		for who in ("guest", "website", "nobody"):
			for path, params in self.paths("RQ Job", job_id):
				code, answer = self.ask(who, path, **params)
				self.assertIn(code, (401, 403), (who, path, answer))
				self.assertNotIn(SECRET, json.dumps(answer))
			for path, params in self.paths("RQ Worker", "x")[:5]:
				self.assertIn(self.ask(who, path, **params)[0], (401, 403), (who, path))

	def test_readers_see_and_do_not_act(self) -> None:
		job_id = self.enqueue(note="seen", api_key=SECRET)
		for path, params in self.paths("RQ Job", job_id):
			code, answer = self.ask("reader", path, **params)
			self.assertEqual(code, 200, (path, answer))
			self.assertNotIn(SECRET, json.dumps(answer))
		for doctype in ("RQ Worker", "Scheduled Job Log", "Scheduled Job Type"):
			self.assertEqual(self.ask("reader", f"/api/resource/{doctype}")[0], 200, doctype)
		for who in ("guest", "website", "nobody", "reader"):
			for action in ("stop", "retry", "remove"):
				path = f"/api/method/job_monitor.api.jobs.{action}"
				code, _answer = request(path, self.users[who], "POST", job_id=job_id)
				self.assertIn(code, (401, 403), (who, action))
		self.assertEqual(status(job_id), "queued")

	def test_program_code_may_ignore_permissions(self) -> None:
		"""Where Frappe tells us that it may: since 16 a list is asked for without saying so, and is refused."""
		job_id = self.enqueue()
		frappe.set_user(self.users["nobody"])
		if frappe.__version__.startswith("15."):
			self.assertEqual(frappe.get_all("RQ Job", {"name": job_id}, pluck="name"), [job_id])
		else:
			with self.assertRaises(frappe.PermissionError):
				frappe.get_all("RQ Job", {"name": job_id}, pluck="name")
		with self.assertRaises(frappe.PermissionError):
			frappe.get_list("RQ Job", {"name": job_id})


class TestActions(SiteTestCase):
	def act(self, action: str, job_id: str) -> dict[str, Any]:
		user = make_user("jm-manager@example.com", "Job Monitor Manager")
		code, answer = request(f"/api/method/job_monitor.api.jobs.{action}", user, "POST", job_id=job_id)
		self.assertEqual(code, 200, answer)
		return answer["message"]

	def test_retry_runs_the_same_call_again(self) -> None:
		job_id = self.enqueue("fail", note="again")
		self.assertFalse(self.act("retry", job_id)["done"], "a queued job cannot be retried")
		work_off("short")
		self.assertEqual(status(job_id), "failed")
		self.assertEqual(self.act("retry", job_id)["status"], "queued")
		self.assertEqual(status(job_id), "queued")
		self.assertIn("again", frappe.get_doc("RQ Job", job_id).arguments)
		work_off("short")
		self.assertEqual(status(job_id), "failed")
		frappe.db.rollback()
		done = frappe.get_all("Job Monitor Audit", {"subject": job_id, "done": 1}, ["action", "user"])
		self.assertEqual([(row.action, row.user) for row in done], [("retry", "jm-manager@example.com")])

	def test_stop_ends_a_running_job(self) -> None:
		job_id = self.enqueue("hang")
		with worker("short"):
			self.wait_for(lambda: status(job_id) == "started", "the job runs")
			self.assertTrue(self.act("stop", job_id)["done"])
			self.wait_for(lambda: status(job_id) == "stopped", "the job is stopped")
		doc = frappe.get_doc("RQ Job", job_id)
		self.assertIn("stopped by user", doc.exc_info)
		self.assertEqual(
			frappe.get_all("RQ Job", {"status": "stopped", "name": job_id}, pluck="name"), [job_id]
		)
		self.assertFalse(self.act("stop", job_id)["done"])

	def test_cancel_keeps_a_job_and_remove_deletes_it(self) -> None:
		kept, gone = self.enqueue(), self.enqueue()
		self.assertEqual(self.act("cancel", kept)["status"], "canceled")
		self.assertTrue(self.act("remove", gone)["done"])
		self.assertEqual(status(gone), "")
		work_off("short")
		self.assertEqual(status(kept), "canceled", "a canceled job never runs")
		self.assertFalse(self.act("cancel", kept)["done"])
		self.assertTrue(self.act("remove", kept)["done"])
		self.assertEqual(status(kept), "")

	def test_a_killed_horse_and_a_timeout_are_told(self) -> None:
		killed, late = self.enqueue("hang"), self.enqueue("hang", queue="default", timeout=1)
		with worker("short") as process:
			self.wait_for(lambda: status(killed) == "started", "the job runs")
			kill_horse(process.pid)
			self.wait_for(lambda: status(killed) == "failed", "the worker noticed")
		work_off("default")
		self.assertIn("Work-horse terminated unexpectedly", frappe.get_doc("RQ Job", killed).exc_info)
		self.assertIn("JobTimeoutException", frappe.get_doc("RQ Job", late).exc_info)
