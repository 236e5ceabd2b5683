"""What people do about alerts, over HTTP: acknowledge, mute, try a rule; and who may."""

from __future__ import annotations

import json
from datetime import timedelta

import frappe
from frappe.utils import add_to_date, now_datetime

from job_monitor.alerts import engine
from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.core import clock
from job_monitor.job_monitor.doctype.job_alert.test_job_alert import AlertTestCase, states
from job_monitor.tests.support.users import make_user, request

API = "/api/method/job_monitor.api.alerts."


class TestAttention(AlertTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.rule("Error Log Rate", threshold=3, repeat_interval=1)
		self.errors(4)
		engine.evaluate("test")
		self.alert = self.alerts()[0].name
		self.manager = make_user("jm-a-m@ops.example", MANAGER)
		self.reader = make_user("jm-a-u@ops.example", USER)
		self.stranger = make_user("jm-a-x@ops.example", "Desk User")

	def notified_before(self, hours: int) -> None:
		moments = json.loads(frappe.db.get_value("Job Alert", self.alert, "moments"))
		moments["notified_at"] = (clock.now() - timedelta(hours=hours)).isoformat()
		frappe.db.set_value("Job Alert", self.alert, "moments", json.dumps(moments))

	def test_who_may_look_and_who_may_act(self) -> None:
		for user, look, act in ((self.manager, 200, 200), (self.reader, 200, 403), (self.stranger, 403, 403)):
			self.assertEqual(request(API + "get_status", user)[0], look, user)
			answer = request(API + "acknowledge", user, "POST", alert=self.alert)
			self.assertEqual(answer[0], act, (user, answer))
			self.assertEqual(request(API + "evaluate", user, "POST")[0], act, user)
		self.assertEqual(request(API + "acknowledge", self.manager, "GET", alert=self.alert)[0], 403)

	def test_acknowledged_is_written_down_and_stops_reminders(self) -> None:
		request(API + "acknowledge", self.manager, "POST", alert=self.alert)
		frappe.db.commit()
		self.notified_before(hours=2)
		with self.web() as server:
			engine.evaluate("test")
			self.assertEqual(server.received, [])
			frappe.db.set_value("Job Alert", self.alert, "acknowledged_by", "")
			self.notified_before(hours=2)
			engine.evaluate("test")
			self.assertEqual(states(server), ["reminder"])
		flips = frappe.get_doc("Job Alert", self.alert).flips
		self.assertIn(("Acknowledged", self.manager), [(flip.what, flip.who) for flip in flips])

	def test_muted_until(self) -> None:
		until = str(add_to_date(now_datetime(), hours=1))
		status, _answer = request(API + "mute", self.manager, "POST", alert=self.alert, until=until)
		self.assertEqual(status, 200)
		self.no_errors()
		with self.web() as server:
			engine.evaluate("test")
			self.assertEqual(server.received, [])

	def test_a_mute_that_is_no_moment_to_come_is_refused(self) -> None:
		for until in ("yesterday", "2001-01-01 00:00:00", "0"):
			status, _answer = request(API + "mute", self.manager, "POST", alert=self.alert, until=until)
			self.assertEqual(status, 417, until)

	def test_acts_on_resolved_and_deleted_alerts_are_refused(self) -> None:
		self.assertEqual(request(API + "acknowledge", self.manager, "POST", alert="none")[0], 404)
		self.no_errors()
		engine.evaluate("test")
		self.assertEqual(request(API + "acknowledge", self.manager, "POST", alert=self.alert)[0], 417)

	def test_a_rule_can_be_tried_without_a_notice(self) -> None:
		with self.web() as server:
			status, answer = request(API + "try_rule", self.manager, "POST", rule="Error Log Rate")
			self.assertEqual(status, 200)
			self.assertIn("4 errors", answer["message"]["seen"][0]["title"])
			self.assertEqual(server.received, [])
		self.assertEqual(request(API + "try_rule", self.reader, "POST", rule="Error Log Rate")[0], 403)
