"""Who may see and act: on every path by which RQ Job, RQ Worker and Scheduled Job Log are read."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import frappe
from frappe.utils.background_jobs import get_redis_conn

from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import kill_horse, work_off, worker

SECRET = "geheimnis-of-this-test"
LIST = "/api/method/frappe.desk.reportview."
CLIENT = "/api/method/frappe.client."
OTHERS = (
	"Scheduled Job Log",
	"Scheduled Job Type",
	"Job Failure",
	"Job Alert",
	"Job Metric",
	"Job Monitor Audit",
)
IS_15 = frappe.__version__.startswith("15.")


def lists(doctype: str) -> list[tuple[str, dict[str, Any]]]:
	"""Every way to ask for rows or counts."""
	of = {"doctype": doctype, "fields": json.dumps(["name"])}
	grouped = {"doctype": doctype, "field": "owner", "current_filters": "[]"}
	return [
		(LIST + "get", of),
		(LIST + "get", {**of, "flags": '{"ignore_permissions": 1}', "user": "Administrator"}),
		(LIST + "get_list", {**of, "ignore_permissions": "1"}),
		(LIST + "get_count", of),
		(LIST + "export_query", {**of, "file_format_type": "CSV"}),
		(CLIENT + "get_list", of),
		(CLIENT + "get_list", {**of, "as_dict": "0", "debug": "1", "limit_page_length": "0"}),
		(CLIENT + "get_value", {"doctype": doctype, "fieldname": "name", "filters": "{}"}),
		(f"/api/resource/{doctype}", {}),
		(f"/api/v2/document/{doctype}", {}),
		(f"/api/v2/doctype/{doctype}/count", {}),
		("/api/method/frappe.desk.search.search_link", {"doctype": doctype, "txt": ""}),
		("/api/method/frappe.desk.search.search_widget", {"doctype": doctype, "txt": ""}),
		("/api/method/frappe.desk.listview.get_group_by_count", grouped),
	]


def documents(doctype: str, name: str) -> list[tuple[str, dict[str, Any]]]:
	"""Every way to ask for one document."""
	of = {"doctype": doctype, "name": name}
	printed = {"doc": doctype, "name": name, "print_format": "Standard"}
	return [
		(f"/api/resource/{doctype}/{name}", {}),
		(f"/api/v2/document/{doctype}/{name}/", {}),
		("/api/method/frappe.desk.form.load.getdoc", of),
		("/api/method/frappe.desk.form.load.get_docinfo", of),
		(CLIENT + "get", of),
		("/api/method/frappe.www.printview.get_html_and_style", printed),
		("/api/method/job_monitor.api.jobs.get_job_status", {"job_id": name}),
	]


def changes(doctype: str, name: str) -> list[tuple[str, str, dict[str, Any]]]:
	"""Every way to act on a job, or to change it as a document: (path, HTTP method, arguments)."""
	of = {"doctype": doctype, "name": name}
	bulk = {"doctype": doctype, "docnames": json.dumps([name]), "action": "cancel"}
	row = json.dumps({**of, "status": "finished", "job_id": name})
	acts = ("stop", "retry", "cancel", "remove", "get_stack", "stop_job")
	core = "/api/method/frappe.core.doctype.rq_job.rq_job."
	return [
		*((f"/api/method/job_monitor.api.jobs.{act}", "POST", {"job_id": name}) for act in acts),
		("/api/method/job_monitor.api.jobs.remove_failed", "POST", {}),
		(core + "stop_job", "POST", {"job_id": name}),
		(core + "remove_failed_jobs", "POST", {}),
		(f"/api/resource/{doctype}/{name}", "DELETE", {}),
		(f"/api/resource/{doctype}/{name}", "PUT", {"status": "finished"}),
		(f"/api/v2/document/{doctype}/{name}/", "DELETE", {}),
		(CLIENT + "delete", "POST", of),
		(CLIENT + "cancel", "POST", of),
		(CLIENT + "set_value", "POST", {**of, "fieldname": "status", "value": "finished"}),
		(CLIENT + "save", "POST", {"doc": row}),
		(LIST + "delete_items", "POST", {"doctype": doctype, "items": json.dumps([name])}),
		("/api/method/frappe.desk.form.save.cancel", "POST", of),
		(f"/api/resource/{doctype}/{name}", "POST", {"run_method": "cancel"}),
		(f"/api/v2/document/{doctype}/{name}/method/stop_job/", "POST", {}),
		(
			"/api/method/frappe.desk.doctype.bulk_update.bulk_update.submit_cancel_or_update_docs",
			"POST",
			bulk,
		),
	]


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
			"system": make_user("jm-system@example.com", "System Manager"),
		}

	def ask(self, who: str, path: str, method: str = "GET", **params: Any) -> tuple[int, Any]:
		return request(path, self.users[who], method, **params)

	def test_without_a_role_no_path_answers(self) -> None:
		job_id = self.enqueue(note=SECRET)
		for who in ("guest", "website", "nobody"):
			calls = lists("RQ Job") + lists("RQ Worker") + documents("RQ Job", job_id)
			calls += [pair for doctype in OTHERS for pair in lists(doctype)[5:6]]
			for path, params in calls:
				code, answer = self.ask(who, path, **params)
				self.assertNotIn(SECRET, json.dumps(answer), (who, path))
				self.assertNotIn(
					job_id, json.dumps(answer.get("message")) if isinstance(answer, dict) else answer
				)
				self.assertIn(code, (401, 403, 404), (who, path, params, answer))

	def test_readers_and_managers_see_on_every_path_and_no_secret(self) -> None:
		job_id = self.enqueue(note="seen", api_key=SECRET)
		for who in ("reader", "manager"):
			for path, params in lists("RQ Job") + lists("RQ Worker") + documents("RQ Job", job_id):
				code, answer = self.ask(who, path, **params)
				text = json.dumps(answer)
				self.assertEqual(code, 200, (who, path, params, text[:500]))
				self.assertNotIn(SECRET, text, (who, path))

	def test_another_sites_job_is_nobodys(self) -> None:
		theirs = self.enqueue(note=SECRET).replace(frappe.local.site, frappe.local.site + ".evil", 1)
		connection = get_redis_conn()
		connection.rename(f"rq:job:{self.job_ids[0]}", f"rq:job:{theirs}")
		for who in ("reader", "system"):
			for path, params in documents("RQ Job", theirs):
				code, answer = self.ask(who, path, **params)
				self.assertNotIn(SECRET, json.dumps(answer), (who, path))
				self.assertIn(code, (403, 404, 417), (who, path, answer))
			for path, method, params in changes("RQ Job", theirs):
				self.ask(who, path, method, **params)
		self.assertEqual(status(theirs), "queued")

	def test_only_managers_act_on_any_path(self) -> None:
		job_id = self.enqueue()
		for who in ("guest", "website", "nobody", "reader"):
			for path, method, params in changes("RQ Job", job_id):
				code, answer = self.ask(who, path, method, **params)
				if "delete_items" not in path and "submit_cancel" not in path:
					self.assertIn(code, (401, 403, 404, 417), (who, path, method, answer))
				self.assertEqual(status(job_id), "queued", (who, path, method))
		deletes = [
			change for change in changes("RQ Job", job_id) if "delete" in change[0] or change[1] == "DELETE"
		]
		for who in ("manager", "system"):
			for path, method, params in deletes:
				job_id = self.enqueue()
				params = json.loads(json.dumps(params).replace(deletes[0][0].rpartition("/")[2], job_id))
				code, answer = self.ask(
					who, path.replace(deletes[0][0].rpartition("/")[2], job_id), method, **params
				)
				self.assertIn(code, (200, 202), (who, path, answer))
				self.assertEqual(status(job_id), "", (who, path))

	def test_program_code_may_ignore_permissions_where_frappe_passes_it_on(self) -> None:
		"""From 16.4 on Frappe does not: the user's own right decides, so that nobody reads by mistake."""
		job_id = self.enqueue()
		frappe.set_user(self.users["nobody"])
		if IS_15:
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

	def test_a_zombie_is_named_on_its_form_and_can_be_deleted(self) -> None:
		connection = get_redis_conn()
		for started in (False, True):
			job_id = self.enqueue()
			queue = connection.hget(f"rq:job:{job_id}", "origin").decode()
			connection.lrem(f"rq:queue:{queue}", 0, job_id)
			old = {"enqueued_at": "2026-01-01T00:00:00.000000Z", "created_at": "2026-01-01T00:00:00.000000Z"}
			connection.hset(f"rq:job:{job_id}", mapping={**old, **({"status": "started"} if started else {})})
			user = make_user("jm-manager@example.com", "Job Monitor Manager")
			form = "/api/method/frappe.desk.form.load.getdoc"
			code, answer = request(form, user, doctype="RQ Job", name=job_id)
			self.assertEqual(
				(code, answer["docs"][0]["__onload"]["job_monitor_zombie"]), (200, True), started
			)
			self.assertEqual(self.act("remove", job_id)["message"], "the zombie was deleted")
			self.assertEqual(status(job_id), "")
			frappe.db.rollback()
			row = frappe.get_last_doc("Job Monitor Audit", {"subject": job_id})
			self.assertEqual((row.action, row.done, row.outcome), ("remove", 1, "the zombie was deleted"))

	def test_a_killed_horse_and_a_timeout_are_shown(self) -> None:
		killed, late = self.enqueue("hang"), self.enqueue("hang", queue="default", timeout=1)
		with worker("short") as process:
			self.wait_for(lambda: status(killed) == "started", "the job runs")
			kill_horse(process.pid)
			self.wait_for(lambda: status(killed) == "failed", "the worker noticed")
		work_off("default")
		self.assertIn("Work-horse terminated unexpectedly", frappe.get_doc("RQ Job", killed).exc_info)
		self.assertIn("JobTimeoutException", frappe.get_doc("RQ Job", late).exc_info)
