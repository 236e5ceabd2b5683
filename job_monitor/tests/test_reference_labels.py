"""The monitoring reference's tables, as data: every label of form and list is the one it has there, word for word."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import frappe

from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off, worker

FIELDS = {
	"RQ Worker": {
		"Worker name": "worker_name",
		"Status": "status",
		"Current Job": "current_job_id",
		"Successful Jobs": "successful_job_count",
		"Failed Jobs": "failed_job_count",
		"Total Working Time": "total_working_time",
	},
	"RQ Job": {
		"Job ID": "job_id",
		"Queue": "queue",
		"Status": "status",
		"Method": "method",
		"Arguments": "arguments",
		"Exception": "exc_info",
		"Created": "created_at",
		"Started": "started_at",
		"Ended": "ended_at",
	},
	"Scheduled Job Log": {
		"Scheduled Job Type": "scheduled_job_type",
		"Status": "status",
		"Method": "method",
		"Start": "started_at",
		"End": "ended_at",
		"Error": "error",
	},
}
FILTERS = {
	"RQ Job": {"Queue": ("short", "default", "long"), "Status": ("queued", "started", "finished", "failed")}
}
WORDS = {
	("RQ Worker", "Status"): ("busy", "idle"),
	("RQ Job", "Status"): ("queued", "started", "finished", "failed"),
	("Scheduled Job Log", "Status"): ("Complete", "Failed"),
}


class TestReferenceLabels(SiteTestCase):
	user: ClassVar[str]

	@classmethod
	def setUpClass(cls) -> None:
		super().setUpClass()
		cls.user = make_user("jm-system@example.com", "System Manager")

	def ask(self, path: str, **params: Any) -> Any:
		code, answer = request(f"/api/method/{path}", self.user, **params)
		self.assertEqual(code, 200, answer)
		return answer

	def meta(self, doctype: str) -> dict[str, Any]:
		"""As Desk gets it for form and list."""
		return self.ask("frappe.desk.form.load.getdoctype", doctype=doctype)["docs"][0]

	def test_every_label_is_on_the_form_word_for_word(self) -> None:
		for doctype, labels in FIELDS.items():
			meta = self.meta(doctype)
			fields = {field["fieldname"]: field for field in meta["fields"]}
			for label, name in labels.items():
				field = fields[name]
				self.assertEqual(
					(field["label"], field.get("hidden", 0), field.get("depends_on") or ""),
					(label, 0, ""),
					doctype,
				)
				# Desk's form hides the field that a document is named by
				self.assertNotEqual(meta.get("autoname"), f"field:{name}", doctype)

	def test_filters_and_words_of_status(self) -> None:
		for doctype, filters in FILTERS.items():
			fields = {field.get("label"): field for field in self.meta(doctype)["fields"]}
			for label, options in filters.items():
				self.assertTrue(fields[label]["in_standard_filter"], label)
				self.assertLessEqual(set(options), set(fields[label]["options"].split("\n")), label)
		for (doctype, label), words in WORDS.items():
			field = next(field for field in self.meta(doctype)["fields"] if field.get("label") == label)
			self.assertEqual(field["fieldtype"], "Select", doctype)
			self.assertLessEqual(set(words), set(field["options"].split("\n")), doctype)

	def values(self, doctype: str, name: str) -> list[dict[str, Any]]:
		"""Of the form, and of a list that shows every field of the reference."""
		fields = ["name", *FIELDS[doctype].values()]
		form = self.ask("frappe.desk.form.load.getdoc", doctype=doctype, name=name)["docs"][0]
		answer = self.ask(
			"frappe.desk.reportview.get",
			doctype=doctype,
			fields=json.dumps(fields),
			filters=json.dumps([[doctype, "name", "=", name]]),
		)["message"]
		row = dict(zip(answer["keys"], answer["values"][0], strict=True))
		return [
			{label: shown.get(field) for label, field in FIELDS[doctype].items()} for shown in (form, row)
		]

	def test_a_failed_job_fills_every_field_of_form_and_list(self) -> None:
		job_id = self.enqueue("fail", note="of this test")
		work_off("short")
		for shown in self.values("RQ Job", job_id):
			self.assertTrue(all(shown.values()), shown)
			self.assertEqual((shown["Job ID"], shown["Queue"], shown["Status"]), (job_id, "short", "failed"))
			self.assertEqual(shown["Method"], "job_monitor.tests.support.jobs.fail")
			self.assertIn("of this test", shown["Arguments"])
			self.assertIn("ValueError", shown["Exception"])

	def test_a_busy_worker_fills_every_field_of_form_and_list(self) -> None:
		job_id = self.enqueue("hang")
		with worker("short") as process:
			self.wait_for(lambda: status(job_id) == "started", "the job runs")
			name = frappe.get_all("RQ Worker", {"pid": str(process.pid)}, pluck="name")[0]
			for shown in self.values("RQ Worker", name):
				self.assertEqual((shown["Worker name"], shown["Status"]), (name, "busy"))
				self.assertEqual(shown["Current Job"], job_id)
				self.assertNotIn(None, shown.values())

	def test_a_failed_run_of_a_schedule_fills_every_field_of_form_and_list(self) -> None:
		schedule = self.make_schedule("fail")
		schedule.execute()
		frappe.db.commit()
		name = frappe.get_all("Scheduled Job Log", {"scheduled_job_type": schedule.name}, pluck="name")[0]
		for shown in self.values("Scheduled Job Log", name):
			self.assertTrue(all(shown.values()), shown)
			self.assertEqual((shown["Scheduled Job Type"], shown["Status"]), (schedule.name, "Failed"))
			self.assertEqual(shown["Method"], "job_monitor.tests.support.jobs.fail")
			self.assertIn("no such invoice", shown["Error"])
