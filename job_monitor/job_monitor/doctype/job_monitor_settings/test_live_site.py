"""A site that was restored or copied tells nobody, until a manager says that it is the live one; and what Frappe knows
of the personal data that we keep."""

from __future__ import annotations

import json
from typing import Any

import frappe
from frappe.website.doctype.personal_data_download_request.personal_data_download_request import get_user_data

from job_monitor.alerts import engine
from job_monitor.bridge import doctor
from job_monitor.bridge.audit import AUDIT
from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.bridge.site import live_site, state
from job_monitor.job_monitor.doctype.job_alert.test_job_alert import AlertTestCase, states
from job_monitor.tests.support.servers import WebServer, running
from job_monitor.tests.support.users import make_user, request

CONFIRM = "/api/method/job_monitor.api.alerts.confirm_live_site"
STATUS = "/api/method/job_monitor.api.alerts.get_status"


class TestLiveSite(AlertTestCase):
	def setUp(self) -> None:
		super().setUp()
		kept = state.get(live_site.STATE)
		self.addCleanup(frappe.db.commit)
		self.addCleanup(state.put, live_site.STATE, kept or "")
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)

	def copied(self, **other: str) -> None:
		"""As the database of a site that is live somewhere else."""
		place = live_site.here() | (other or {"database": "_of_the_live_site"})
		state.put(live_site.STATE, json.dumps({"live": [place], "unconfirmed": None}))
		frappe.db.commit()

	def test_the_first_place_that_looks_is_the_live_one(self) -> None:
		state.put(live_site.STATE, "")
		with self.web() as server:
			self.assertEqual(engine.evaluate("test").withheld, "")
			self.assertEqual(states(server), ["firing"])
		self.assertTrue(live_site.is_confirmed())
		self.assertIsNone(live_site.unconfirmed())

	def test_a_copy_notifies_nobody_until_somebody_confirms_it(self) -> None:
		for part in ("database", "bench", "host", "site"):
			self.copied(**{part: "another"})
			with self.web() as server:
				self.assertIn("live site", engine.evaluate("test").withheld, part)
				engine.evaluate("test")
				self.assertEqual(server.received, [], part)
				frappe.db.delete("Job Alert Channel")
		self.assertEqual([alert.state for alert in self.alerts()], ["Firing"])
		manager, reader = make_user("jm-l-m@ops.example", MANAGER), make_user("jm-l-u@ops.example", USER)
		unconfirmed = request(STATUS, manager)[1]["message"]["unconfirmed"]
		self.assertIn(frappe.conf.db_name, unconfirmed["here"])
		self.assertEqual(request(CONFIRM, reader, "POST")[0], 403)
		self.assertEqual(request(CONFIRM, manager, "GET")[0], 403)
		frappe.db.rollback()
		self.assertIn("live site", engine.evaluate("test").withheld)
		self.assertEqual(request(CONFIRM, manager, "POST")[0], 200)
		frappe.db.rollback()
		with self.web() as server:
			self.assertEqual(engine.evaluate("test").withheld, "")
			self.assertEqual(states(server), ["firing"])
		self.assertIsNone(request(STATUS, manager)[1]["message"]["unconfirmed"])
		rows = frappe.get_all(AUDIT, {"action": "confirm_live_site"}, ["user", "done"], order_by="creation")
		self.assertEqual([(row.user, row.done) for row in rows][-2:], [(reader, 0), (manager, 1)])

	def test_notices_that_came_with_the_copy_are_never_sent(self) -> None:
		engine.evaluate("test")
		frappe.db.set_value("Job Alert Flip", {"parenttype": "Job Alert"}, {"waiting": 1, "notice": "firing"})
		self.copied()
		with self.web() as server:
			engine.evaluate("test")
			frappe.set_user("Administrator")
			request(CONFIRM, make_user("jm-l-m@ops.example", MANAGER), "POST")
			frappe.db.rollback()
			engine.evaluate("test")
			self.assertEqual(server.received, [])

	def test_a_copy_sends_no_heartbeat(self) -> None:
		frappe.local.conf.job_monitor_private_webhooks = 1
		self.addCleanup(frappe.local.conf.pop, "job_monitor_private_webhooks", None)
		settings = frappe.get_doc("Job Monitor Settings")
		with running(WebServer()) as server:
			settings.update({"heartbeat_url": server.url("/ping")}).save()
			self.copied()
			self.assertIn("live site", engine.evaluate("test").heartbeat)
			self.assertEqual(server.received, [])
			settings.reload().update({"heartbeat_url": ""}).save()
			frappe.db.commit()

	def test_doctor_names_it(self) -> None:
		self.copied()
		engine.evaluate("test")
		codes = [finding.code for finding in doctor.site_findings(frappe.local.site, has_redis=True)]
		self.assertIn("unconfirmed-site", codes)
		live_site.confirm()
		codes = [finding.code for finding in doctor.site_findings(frappe.local.site, has_redis=True)]
		self.assertNotIn("unconfirmed-site", codes)


class TestPersonalData(AlertTestCase):
	EMAIL = "jm-person@ops.example"

	def setUp(self) -> None:
		super().setUp()
		make_user(self.EMAIL, MANAGER)
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		engine.evaluate("test")
		(alert,) = self.alerts()
		frappe.db.set_value("Job Alert", alert.name, "acknowledged_by", self.EMAIL)
		frappe.db.set_value("Job Alert Flip", {"parent": alert.name}, "who", self.EMAIL)
		common = {"user": self.EMAIL, "method": "app.task"}
		failure = {"doctype": "Job Failure", "message": f"no mail for {self.EMAIL}", "arguments": "{}"}
		self.insert(**failure, **common)
		self.insert(doctype=AUDIT, action="stop", outcome=f"asked by {self.EMAIL}", **common)
		channel = {"title": "jm-person", "kind": "Email", "recipients": self.EMAIL, "goes_to": self.EMAIL}
		self.insert(doctype="Job Alert Channel", name="jm-person", **channel)

	def insert(self, **values: Any) -> None:
		document = frappe.get_doc(values)
		document.name = document.name or frappe.generate_hash(length=10)
		document.db_insert()
		self.addCleanup(frappe.db.delete, document.doctype, {"name": document.name})

	OURS = ("Job Failure", AUDIT, "Job Alert", "Job Alert Flip", "Job Alert Channel")

	def test_what_we_keep_of_somebody_can_be_downloaded(self) -> None:
		data = json.loads(get_user_data(self.EMAIL))
		for doctype in self.OURS:
			self.assertEqual(len(data[doctype]), 1, doctype)

	def test_what_we_keep_of_somebody_can_be_deleted(self) -> None:
		deletion = frappe.get_doc({"doctype": "Personal Data Deletion Request", "email": self.EMAIL})
		deletion.flags.ignore_mandatory = True
		deletion.name = f"deleted-user-{frappe.generate_hash(length=8)}@jm.example"
		deletion.db_insert()
		self.addCleanup(frappe.db.delete, deletion.doctype, {"name": deletion.name})
		self.addCleanup(frappe.delete_doc, "User", deletion.name, force=True, ignore_permissions=True)
		deletion._anonymize_data(self.EMAIL, deletion.name)
		for doctype in self.OURS:
			for row in frappe.get_all(doctype, fields=["*"]):
				self.assertNotIn(self.EMAIL, str(row), doctype)
