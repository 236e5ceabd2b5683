"""Notices: each goes out once where nothing dies, at least once where something does, and never too many."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime

from job_monitor.alerts import checks, endings, engine, outbox
from job_monitor.alerts.checks.failures import MANY
from job_monitor.bridge.timezones import to_column, to_site
from job_monitor.core import clock, limits
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.kinds import KINDS
from job_monitor.job_monitor.doctype.job_alert.test_job_alert import AlertTestCase, states
from job_monitor.job_monitor.doctype.job_alert_channel.test_job_alert_channel import account, channel
from job_monitor.notify import dispatch
from job_monitor.tests.support.servers import Answer, MailServer, WebServer, running

GROUP = "Job Failure Group"
HOSTILE = (
	"<!channel> @everyone\r\nBcc: evil@x.example\u2028 \u202e**b** [x](http://evil) <script>alert(1)</script>"
)


def in_another_process(work: Callable[[], Any]) -> Thread:
	"""In a thread with a connection of its own, which is as good."""
	site = frappe.local.site

	def run() -> None:
		frappe.init(site=site)
		frappe.connect()
		try:
			work()
		finally:
			frappe.destroy()

	thread = Thread(target=run)
	thread.start()
	return thread


class NoticeTestCase(AlertTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.sightings: list[Sighting] = []
		kept = dict(checks.CHECKS)
		self.addCleanup(checks.CHECKS.update, kept)
		for kind in ("Method Failures", "Failure Rate", "Failing Schedule", "Queue Age"):
			checks.CHECKS[kind] = lambda *_args: self.sightings

	def see(self, *subjects: str) -> engine.Evaluation:
		self.sightings = [Sighting(subject, f"{subject} is bad", "why") for subject in subjects]
		return engine.evaluate("test")

	def send(self) -> None:
		outbox.send_waiting()


class TestNotices(NoticeTestCase):
	def test_slow_channels_make_no_doubles(self) -> None:
		"""All notices take longer than a claim lasts, but none of them does."""
		kinds = ("Method Failures", "Failure Rate", "Failing Schedule", "Queue Age")
		for kind in kinds:
			self.rule(kind)
		done = Event()

		def others() -> None:
			while not done.wait(0.1):
				outbox.send_waiting()

		slow = [Answer(after=0.6) for _answer in range(20)]
		with (
			running(WebServer(*slow)) as other,
			self.web(*slow) as server,
			patch.object(limits, "ALERT_CLAIM_SECONDS", 1.5),
		):
			channel("Second", "Webhook", url=other.url(), allow_private_addresses=1)
			frappe.db.commit()
			thread = in_another_process(others)
			try:
				self.see("a")
				self.wait_for(lambda: not self.waiting(), "all are sent")
			finally:
				done.set()
				thread.join()
			for web in (server, other):
				self.assertEqual(Counter(json.loads(r.body)["rule"] for r in web.received), Counter(kinds))

	def waiting(self) -> int:
		frappe.db.rollback()
		return frappe.db.count("Job Alert Flip", {"waiting": 1})

	def test_a_process_that_dies_leaves_only_the_channel_it_was_at_in_doubt(self) -> None:
		self.rule("Method Failures")
		with running(WebServer()) as first, self.web() as second:
			channel("A first", "Webhook", url=first.url(), allow_private_addresses=1)
			frappe.db.commit()
			deliver, calls = dispatch.deliver, []

			def die(name: str, message: Any) -> Any:
				calls.append(name)
				if len(calls) == 2:
					raise SystemExit
				return deliver(name, message)

			with patch.object(dispatch, "deliver", die), self.assertRaises(SystemExit):
				self.see("a")
			frappe.db.rollback()
			self.send()
			self.assertEqual(len(first.received) + len(second.received), 1)
			long_ago = to_column(clock.now() - timedelta(seconds=limits.ALERT_CLAIM_SECONDS + 1))
			frappe.db.set_value("Job Alert Flip", {"waiting": 1}, "claimed_at", long_ago)
			self.send()
			self.send()
			self.assertEqual((len(first.received), len(second.received)), (1, 1))

	def test_a_claim_of_a_clock_that_was_ahead_is_free(self) -> None:
		self.rule("Method Failures")
		self.see("a")
		ahead = to_column(clock.now() + timedelta(days=30))
		frappe.db.set_value(
			"Job Alert Flip", {"parenttype": "Job Alert"}, {"waiting": 1, "claimed_at": ahead}
		)
		with self.web() as server:
			self.send()
			self.assertEqual(states(server), ["firing"])

	def test_what_is_sent_again_has_the_same_id(self) -> None:
		self.rule("Method Failures")
		with self.web(Answer(503), Answer(503), Answer(503), Answer(200)) as server:
			with patch.object(limits, "NOTIFY_PAUSES", (0.0, 0.0)):
				self.see("a")
				self.see("a")
			ids = {received.headers["X-Job-Monitor-Delivery"] for received in server.received}
			self.assertGreater(len(server.received), 1)
			self.assertEqual(len(ids), 1)
			self.assertEqual({json.loads(received.body)["delivery"] for received in server.received}, ids)
			self.see()
			self.assertNotIn(server.received[-1].headers["X-Job-Monitor-Delivery"], ids)

	def test_a_mail_that_is_sent_again_has_the_same_message_id(self) -> None:
		self.rule("Method Failures")
		channel("Mail", "Email", recipients="a@ops.example")
		with running(MailServer()) as server:
			account(server)
			self.see("a")
			frappe.db.set_value("Job Alert Flip", {"parenttype": "Job Alert"}, "waiting", 1)
			self.send()
			self.see()
		ids = [mail.message["Message-ID"] for mail in server.mails]
		self.assertEqual((len(ids), ids[0], len(set(ids))), (3, ids[1], 2))

	def test_a_rule_that_has_sent_many_messages_gathers(self) -> None:
		self.rule("Method Failures")
		with self.web() as server:
			seen: list[str] = []
			for number in range(40):
				seen.append(f"app.m{number}")
				self.see(*seen)
			self.assertEqual(len(server.received), limits.ALERT_MESSAGES_AN_HOUR)
			for flip in frappe.get_all("Job Alert Flip", fields=["name", "sent_at"]):
				if flip.sent_at:
					earlier = get_datetime(flip.sent_at) - timedelta(minutes=11)
					frappe.db.set_value("Job Alert Flip", flip.name, "sent_at", earlier)
			self.see(*seen)
			self.see(*seen)
		self.assertEqual(len(server.received), limits.ALERT_MESSAGES_AN_HOUR + 1)
		self.assertIn("34 alerts", json.loads(server.received[-1].body)["title"])

	def test_alerts_are_bounded_by_number(self) -> None:
		self.rule("Method Failures")
		with patch.object(limits, "ALERT_ROWS", 20):
			for number in range(5):
				self.see(*(f"app.{number}.{n}" for n in range(10)))
			self.see("last")
		self.assertEqual(len(self.alerts(state="Resolved")), 20)
		self.assertEqual(len(self.alerts(state="Firing")), 1)
		parents = set(frappe.get_all("Job Alert Flip", pluck="parent"))
		self.assertEqual(parents, {alert.name for alert in self.alerts()})

	def test_what_a_job_said_is_text_in_each_message(self) -> None:
		self.rule("Method Failures")
		channel("Mail", "Email", recipients="a@ops.example")
		channel("Bell", "Desk")
		with running(MailServer()) as mails, self.web() as server:
			account(mails)
			channel("Slack", "Webhook", url=server.url(), allow_private_addresses=1, template="Slack")
			frappe.db.commit()
			self.see(HOSTILE)
		mail = mails.mails[0].message
		self.assertEqual(mails.mails[0].recipients, ["a@ops.example"])
		self.assertIsNone(mail["Bcc"])
		self.assertNotIn("<script>", mail.get_body(("html",)).get_content())
		self.assertNotIn("\u202e", mail.get_body(("plain",)).get_content())
		bell = frappe.get_last_doc("Notification Log")
		self.addCleanup(frappe.db.delete, "Notification Log", {"subject": ["like", "%Bcc: evil%"]})
		self.assertNotIn("<script>", bell.subject + bell.email_content)
		for received in server.received:
			payload = json.loads(received.body)
			if "attachments" in payload:
				self.assertNotIn("<!channel>", json.dumps(payload))
				self.assertNotIn("@everyone", json.dumps(payload, ensure_ascii=False))

	def test_a_resolved_alert_has_words_of_its_own(self) -> None:
		self.rule("Queue Age", queue="short")
		with self.web() as server:
			self.see("short")
			self.see()
		message = json.loads(server.received[1].body)
		self.assertEqual(message["title"], "Jobs no longer wait too long in queue short")
		self.assertIn("What was seen last: short is bad", message["text"])
		for kind in KINDS:
			self.assertNotIn("{", endings.title(kind, "x", "title"))


class TestFlood(AlertTestCase):
	def group(self, number: int, at: datetime) -> None:
		moment = to_site(at)
		values = {"name": f"jm-flood-{number:05}", "title": "E", "method": f"app.m{number}", "state": "Open"}
		values |= {"occurrences": 1, "first_at": moment, "last_at": moment}
		frappe.get_doc({"doctype": GROUP, **values}).db_insert()

	def setUp(self) -> None:
		super().setUp()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, GROUP, {"name": ["like", "jm-flood-%"]})
		self.rule("New Failure Group", subject="app.m*")

	def test_many_new_failures_are_one_alert(self) -> None:
		start = clock.now()
		with self.web() as server, patch.object(clock, "now", lambda: self.now):
			for minute in range(130):
				self.now = start + timedelta(minutes=minute)
				for number in range(3 if minute < 60 else 0):
					self.group(minute * 3 + number, self.now)
				if minute % 4 == 3:
					frappe.db.commit()
					engine.evaluate("test")
		messages = [json.loads(received.body) for received in server.received]
		self.assertLessEqual(len(messages), limits.ALERT_MESSAGES_AN_HOUR)
		self.assertEqual(len(self.alerts()), limits.NEW_FAILURES_AN_HOUR + 1)
		many = self.alerts(subject=MANY)
		self.assertEqual([alert.state for alert in many], ["Resolved"])
		self.assertEqual(
			sum("Many new failures" in f"{message['title']} {message['text']}" for message in messages), 1
		)

	def test_more_than_are_read_are_one_alert_too(self) -> None:
		at = clock.now() - timedelta(hours=3)
		with (
			patch("job_monitor.alerts.checks.failures.NEW_GROUPS", 30),
			patch("job_monitor.bridge.history.failure_groups.NEW_GROUPS", 30),
		):
			for number in range(40):
				self.group(number, at + timedelta(minutes=number))
			frappe.db.commit()
			engine.evaluate("test")
		self.assertEqual(len(self.alerts()), 0)

	def test_a_failure_of_a_clock_that_was_ahead_is_not_new(self) -> None:
		self.group(1, clock.now() + timedelta(hours=5))
		self.group(2, clock.now() - timedelta(minutes=5))
		frappe.db.commit()
		engine.evaluate("test")
		self.assertEqual([alert.subject for alert in self.alerts()], ["jm-flood-00002"])


class TestClocks(NoticeTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.rule("Method Failures", pending_period=2, repeat_interval=1)
		self.zone, self.now = "Asia/Kolkata", clock.now()
		zone = patch("job_monitor.bridge.timezones.zone_name", lambda: self.zone)
		for faked in (patch.object(clock, "now", lambda: self.now), zone):
			faked.start()
			self.addCleanup(faked.stop)

	def run_for(self, minutes: int, *subjects: str) -> list[str]:
		with self.web() as server:
			for _minute in range(minutes):
				self.assertEqual(self.see(*subjects).skipped, "")
				self.now += timedelta(minutes=1)
			frappe.db.delete("Job Alert Channel")
			return states(server)

	def test_a_zone_that_moves_west_turns_nothing_off(self) -> None:
		self.assertEqual(self.run_for(2, "a"), [])
		self.zone = "America/New_York"
		self.assertEqual(self.run_for(2, "a"), ["firing"])
		self.assertEqual(self.run_for(62, "a"), ["reminder"])
		self.assertEqual(self.run_for(4), ["resolved"])
		alert = self.alerts()[0]
		self.assertLess(alert.seconds, 70 * 60)

	def test_the_night_in_which_the_clock_is_set_back(self) -> None:
		self.zone, self.now = "America/New_York", datetime(2026, 11, 1, 5, 58, tzinfo=timezone.utc)
		self.assertEqual(self.run_for(4, "a"), ["firing"])
		self.assertEqual(self.run_for(5), ["resolved"])

	def test_a_clock_that_was_ahead(self) -> None:
		self.now += timedelta(days=9)
		self.assertEqual(self.run_for(1, "a"), [])
		self.now -= timedelta(days=9)
		self.assertTrue(engine.is_late(engine.last()["at"]))
		self.assertEqual(self.run_for(3, "a"), ["firing"])
		self.assertFalse(engine.is_late(engine.last()["at"]))

	def test_an_alert_of_an_older_release_goes_on(self) -> None:
		self.run_for(3, "a")
		frappe.db.set_value("Job Alert", {"subject": "a"}, "moments", "")
		self.assertEqual(self.run_for(3, "a"), [])
		self.assertEqual(self.run_for(4), ["resolved"])
