"""States of failures on a site: who may change them, what is written down, what comes back by itself."""

from __future__ import annotations

import json
import time

import frappe

from job_monitor.bridge.history import failure_groups
from job_monitor.core.history.run_entries import Ended, Failure
from job_monitor.core.history.run_records import FAILED, Run
from job_monitor.recorder import failures
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request

GROUP, FAILURE = "Job Failure Group", "Job Failure"
METHOD = "job_monitor.tests.support.jobs.of_groups"


class TestJobFailureGroup(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.addCleanup(self.forget)
		self.name = self.fail_once()

	def forget(self) -> None:
		frappe.db.rollback()
		for doctype in (FAILURE, GROUP, "Job Monitor Audit"):
			frappe.db.delete(doctype, {"method": METHOD})
		frappe.db.commit()

	def fail_once(self, message: str = "no such invoice SINV-0042", exception: str = "ValueError") -> str:
		run = Run("site||x", METHOD, "short", 0.0, ended_at=time.time(), outcome=FAILED, duration=1.5)
		failures.add([Ended("1-0", run, Failure(exception, message, "", '{"a": 1}'))])
		frappe.db.commit()
		return frappe.get_all(GROUP, {"method": METHOD}, pluck="name", order_by="creation desc")[0]

	def state(self) -> str:
		frappe.db.rollback()
		return frappe.db.get_value(GROUP, self.name, "state")

	def test_resolved_comes_back_by_itself_and_ignored_does_not(self) -> None:
		failure_groups.set_state([self.name], "Resolved")
		self.assertEqual(self.fail_once("no such invoice SINV-0043"), self.name)
		group = frappe.get_doc(GROUP, self.name)
		self.assertEqual((group.state, group.reopened, group.occurrences), ("Open", 1, 2))
		failure_groups.set_state([self.name], "Ignored")
		self.fail_once()
		self.assertEqual((self.state(), frappe.db.get_value(GROUP, self.name, "occurrences")), ("Ignored", 3))

	def test_a_change_is_audited_once_and_no_change_is_none(self) -> None:
		answer = failure_groups.set_state([self.name, self.name, "gone"], "Resolved")
		self.assertEqual(
			(answer["done"], answer["skipped"]), (1, 1), "a name that is there twice counts once"
		)
		self.assertEqual(failure_groups.set_state([self.name], "Resolved")["done"], 0)
		rows = frappe.get_all("Job Monitor Audit", {"method": METHOD}, ["action", "subject", "outcome"])
		self.assertEqual([tuple(row.values()) for row in rows], [("resolve", self.name, "Open -> Resolved")])

	def test_a_form_that_is_older_than_its_row_saves_its_notes_only(self) -> None:
		form = frappe.get_doc(GROUP, self.name)
		self.fail_once()
		form.update({"notes": "ticket 42", "state": "Resolved", "occurrences": 999, "title": "x"})
		form.save()
		group = frappe.get_doc(GROUP, self.name)
		self.assertEqual((group.notes, group.state, group.occurrences), ("ticket 42", "Open", 2))
		self.assertIn("ValueError", group.title)

	def test_over_the_wire_managers_only_and_by_post(self) -> None:
		path = "/api/method/job_monitor.api.failures.set_state"
		manager = make_user("jm-groups@example.com", "Job Monitor Manager")
		for user, method, code in (
			(make_user("jm-reads@example.com", "Job Monitor User"), "POST", 403),
			(make_user("jm-nobody@example.com", "Desk User"), "POST", 403),
			("", "POST", 403),
			(manager, "GET", 403),
		):
			values = {"names": json.dumps([self.name]), "state": "Resolved"}
			self.assertEqual(request(path, user, method, **values)[0], code, (user, method))
		self.assertEqual(self.state(), "Open")
		code, answer = request(path, manager, "POST", names=[self.name], state="Ignored")
		self.assertEqual((code, answer["message"]["done"], self.state()), (200, 1, "Ignored"))
		self.assertEqual(request(path, manager, "POST", names=[self.name], state="Gone")[0], 417)
		self.assertEqual(request(path, manager, "POST", names=["x"] * 501, state="Open")[0], 417)

	def test_who_may_read_failures(self) -> None:
		make_user("jm-groups@example.com", "Job Monitor Manager")
		make_user("jm-reads@example.com", "Job Monitor User")
		for doctype in (GROUP, FAILURE):
			path = f"/api/resource/{doctype}"
			self.assertEqual(request(path, "jm-groups@example.com")[0], 200)
			self.assertEqual(request(path, "jm-reads@example.com")[0], 403)
			self.assertEqual(request(path, "jm-groups@example.com", "POST", method="x")[0], 403)
