"""Alerts on a real site: sightings, rows and messages, with a real mail server and a real web server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import frappe
from frappe.utils import add_to_date, get_bench_path, now_datetime
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from job_monitor import tasks
from job_monitor.alerts import checks, engine, store
from job_monitor.bridge import doctor
from job_monitor.bridge.history.recorder_progress import STATE
from job_monitor.bridge.site import state
from job_monitor.bridge.timezones import to_column
from job_monitor.core import clock, limits
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.job_monitor.doctype.job_alert_channel.test_job_alert_channel import (
	ChannelTestCase,
	account,
	channel,
)
from job_monitor.tests.support.servers import Answer, MailServer, WebServer, running

OURS = ("Job Alert", "Job Alert Flip", "Job Alert Rule", "Job Alert Rule Channel")


class AlertTestCase(ChannelTestCase):
	"""No rule, no alert, no error of the last day at the start of each test."""

	def setUp(self) -> None:
		super().setUp()
		for doctype in OURS:
			frappe.db.delete(doctype)
		state.put(engine.STATE, "")
		self.no_errors()

	def rule(self, kind: str, **values: Any) -> Any:
		document = {"doctype": "Job Alert Rule", "title": kind, "kind": kind, "severity": "Critical"}
		rule = frappe.get_doc({**document, "pending_period": 0, **values}).insert()
		frappe.db.commit()
		return rule

	def errors(self, number: int) -> None:
		for n in range(number):
			frappe.get_doc({"doctype": "Error Log", "method": f"error {n}", "error": "x"}).db_insert()
		frappe.db.commit()

	def no_errors(self) -> None:
		frappe.db.delete("Error Log", {"creation": [">", add_to_date(None, days=-1)]})
		frappe.db.commit()

	@contextmanager
	def web(self, *answers: Answer) -> Iterator[WebServer]:
		"""A webhook that is the only channel."""
		with running(WebServer(*answers)) as server:
			channel("Hook", "Webhook", url=server.url(), allow_private_addresses=1)
			frappe.db.commit()
			yield server

	def alerts(self, **filters: Any) -> list[Any]:
		fields = ["name", "rule", "subject", "state", "title", "severity", "notified_at", "seconds"]
		return frappe.get_all("Job Alert", filters, fields, order_by="creation")


def states(server: WebServer) -> list[str]:
	return [json.loads(received.body)["state"] for received in server.received]


class TestJobAlert(AlertTestCase):
	def test_the_error_rate_of_the_reference_reaches_the_recipients_of_the_settings(self) -> None:
		"""`check_error_rate`: more than 100 in the last hour, hourly."""
		self.assertIn("job_monitor.tasks.check_error_rate", frappe.get_hooks("scheduler_events")["hourly"])
		self.rule("Error Log Rate")
		channel("E-mail", "Email")
		frappe.db.set_single_value("Job Monitor Settings", "alert_recipients", "admin@example.com")
		with running(MailServer()) as server:
			account(server)
			self.errors(100)
			tasks.check_error_rate()
			self.assertEqual(server.mails, [])
			self.errors(1)
			tasks.check_error_rate()
			tasks.check_error_rate()
			(mail,) = server.mails
			self.assertEqual(mail.recipients, ["admin@example.com"])
			self.assertEqual(mail.message["Subject"], "High Error Rate Alert")
			text = mail.message.get_body(("plain",)).get_content()
			self.assertTrue(text.startswith("101 errors in the last hour"), text)
			frappe.db.set_value("Error Log", {"method": "error 0"}, "creation", add_to_date(None, hours=-2))
			frappe.db.commit()
			tasks.check_error_rate()
			self.assertIn("RESOLVED: The rate of errors is normal again", server.mails[1].message["Subject"])

	def test_an_incident_is_one_row_with_its_flips(self) -> None:
		self.rule("Error Log Rate", threshold=3)
		with self.web() as server:
			engine.evaluate("test")
			self.errors(4)
			for _look in range(3):
				engine.evaluate("test")
			self.no_errors()
			for _look in range(3):
				engine.evaluate("test")
		self.assertEqual(states(server), ["firing", "resolved"])
		(alert,) = self.alerts()
		self.assertEqual((alert.state, alert.severity), ("Resolved", "Critical"))
		flips = frappe.get_doc("Job Alert", alert.name).flips
		self.assertEqual(
			[(flip.what, flip.who, flip.waiting) for flip in flips],
			[("Firing", "test", 0), ("Resolved", "test", 0)],
		)
		self.assertIn("200", flips[0].outcome)
		self.assertGreater(json.loads(server.received[1].body)["duration_seconds"], -1)

	def test_racing_processes_send_one_message(self) -> None:
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		command = [sys.executable, "-m", "frappe.utils.bench_helper", "frappe", "--site", frappe.local.site]
		with self.web() as server:
			racing = [
				subprocess.Popen(
					[*command, "job-monitor", "check"],
					cwd=os.path.join(get_bench_path(), "sites"),
					stdout=subprocess.DEVNULL,
				)
				for _process in range(4)
			]
			codes = {process.wait(timeout=120) for process in racing}
		self.assertLessEqual(codes, {0, 1})
		self.assertIn(1, codes)
		self.assertEqual(states(server), ["firing"])

	def test_two_looks_at_once_decide_one_after_the_other(self) -> None:
		"""Also where a lease ran out: what an older look saw is not written over a newer one."""
		rule = self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		number = engine.last().get("number", 0)
		engine.evaluate("test")
		frappe.db.commit()
		stored = store.rule(rule)
		self.assertFalse(engine._write([stored], {stored.name: []}, clock.now(), "late", True, number))
		frappe.db.rollback()
		self.assertEqual([alert.state for alert in self.alerts()], ["Firing"])

	def test_a_lease_keeps_others_out_until_it_ends(self) -> None:
		self.assertTrue(state.acquire_lease(engine.LEASE, 60, "somebody"))
		self.addCleanup(state.release_lease, engine.LEASE, "somebody")
		self.assertEqual(engine.evaluate("test").skipped, "another process is at it")
		state.release_lease(engine.LEASE, "somebody")
		self.assertEqual(engine.evaluate("test").skipped, "")

	def test_could_not_ask_is_an_alert_of_its_own_and_resolves_nothing(self) -> None:
		self.rule("Could Not Ask")
		self.rule("Redis Memory", threshold=0.001)
		with self.web() as server:
			engine.evaluate("test")
			before = frappe.local.conf.redis_queue
			frappe.local.conf.redis_queue = "redis://127.0.0.1:1"
			self.addCleanup(frappe.local.conf.update, {"redis_queue": before})
			evaluation = engine.evaluate("test")
			self.assertEqual(list(evaluation.problems), ["Redis"])
			engine.evaluate("test")
			frappe.local.conf.redis_queue = before
			engine.evaluate("test")
		self.assertEqual(states(server), ["firing", "unknown", "resolved"])
		rules = [json.loads(received.body)["rule"] for received in server.received]
		self.assertEqual(rules, ["Redis Memory", "Could Not Ask", "Could Not Ask"])
		self.assertEqual([a.state for a in self.alerts(rule="Redis Memory")], ["Firing"])

	def test_a_bug_in_one_check_leaves_the_others(self) -> None:
		def broken(*_args: Any) -> None:
			raise ZeroDivisionError("ours")

		self.rule("Could Not Ask")
		self.rule("Error Log Rate", threshold=3)
		self.rule("Redis Memory")
		self.errors(4)
		kept = checks.CHECKS["Redis Memory"]
		checks.CHECKS["Redis Memory"] = broken
		self.addCleanup(checks.CHECKS.update, {"Redis Memory": kept})
		evaluation = engine.evaluate("test")
		self.assertEqual(evaluation.problems, {"Rule Redis Memory": "ZeroDivisionError: ours"})
		self.assertEqual(
			sorted(a.rule for a in self.alerts(state="Firing")), ["Could Not Ask", "Error Log Rate"]
		)

	def test_a_time_limit_ends_a_look_and_gives_the_lease_back(self) -> None:
		"""RQ's own, in the middle of a statement of a fact and of a check: no source counts as without an answer."""
		statement = {"mariadb": "select sleep(3)", "postgres": "select pg_sleep(3)"}.get(frappe.db.db_type)
		if not statement:
			self.skipTest("a database in this process cannot sleep")
		rule = self.rule("Error Log Rate")
		kept = checks.CHECKS[rule.kind]
		self.addCleanup(checks.CHECKS.update, {rule.kind: kept})

		def asleep(_rule: Any, sources: Any, _known: Any) -> Any:
			return sources._once("history", "slow", lambda: frappe.db.sql(statement))

		for check in (asleep, lambda *_args: frappe.db.sql(statement)):
			checks.CHECKS[rule.kind] = check
			with self.assertRaises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):
				engine.evaluate("test")
			owner = frappe.db.get_value(state.STATE, engine.LEASE, "owned_by")
			self.assertFalse(owner, "the lease is given back")
			self.assertEqual(engine.last(), {}, "a look that was cut is written down")
		checks.CHECKS[rule.kind] = kept
		self.assertEqual(engine.evaluate("test").skipped, "")

	def test_alerts_that_change_together_are_one_message(self) -> None:
		self.rule("Method Failures", threshold=1)
		sightings = [Sighting(f"app.method_{n}", f"app.method_{n} failed") for n in range(25)]
		kept = checks.CHECKS["Method Failures"]
		checks.CHECKS["Method Failures"] = lambda *_args: sightings
		self.addCleanup(checks.CHECKS.update, {"Method Failures": kept})
		with self.web() as server:
			engine.evaluate("test")
		(received,) = server.received
		message = json.loads(received.body)
		self.assertEqual(message["title"], "Method Failures: 25 alerts")
		self.assertIn("app.method_0 failed", message["text"])
		self.assertIn("and 5 more", message["text"])

	def test_more_subjects_than_are_followed_are_counted(self) -> None:
		self.rule("Method Failures", threshold=1)
		sightings = [Sighting(f"m{n}", "failed") for n in range(limits.ALERT_SUBJECTS + 50)]
		kept = checks.CHECKS["Method Failures"]
		checks.CHECKS["Method Failures"] = lambda *_args: sightings
		self.addCleanup(checks.CHECKS.update, {"Method Failures": kept})
		engine.evaluate("test")
		self.assertEqual(len(self.alerts()), limits.ALERT_SUBJECTS)
		self.assertIn("50 more like this", frappe.db.get_value("Job Alert", {"subject": "m0"}, "text"))

	def test_a_channel_that_fails_is_tried_again_and_keeps_none_waiting(self) -> None:
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		with (
			running(WebServer(Answer(404), Answer(200))) as refusing,
			self.web(Answer(503), Answer(503), Answer(503), Answer(200)) as server,
		):
			channel("Other", "Webhook", url=refusing.url(), allow_private_addresses=1)
			self.assertEqual(engine.evaluate("test").undelivered, 1)
			flip = frappe.get_last_doc("Job Alert Flip")
			self.assertEqual((flip.waiting, json.loads(flip.channels_left)), (1, ["Hook"]))
			self.assertIn("404", flip.outcome)
			self.assertEqual(engine.evaluate("test").notices, 1)
			engine.evaluate("test")
		self.assertEqual(len(refusing.received), 1)
		self.assertEqual(len(server.received), 4)
		self.assertEqual(frappe.db.count("Job Alert Flip", {"waiting": 1}), 0)

	def test_a_notice_is_given_up_after_three_times(self) -> None:
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		pauses, limits.NOTIFY_PAUSES = limits.NOTIFY_PAUSES, (0.0, 0.0)
		self.addCleanup(setattr, limits, "NOTIFY_PAUSES", pauses)
		with self.web(Answer(503)):
			for _look in range(limits.ALERT_TRIES + 2):
				engine.evaluate("test")
		flip = frappe.get_last_doc("Job Alert Flip")
		self.assertEqual((flip.waiting, flip.tries), (0, limits.ALERT_TRIES))

	def test_what_a_dead_process_claimed_is_sent_by_another(self) -> None:
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		engine.evaluate("test")
		(flip,) = frappe.get_all("Job Alert Flip", pluck="name")
		values = {"waiting": 1, "claimed_by": "dead", "claimed_at": to_column(clock.now()), "tries": 0}
		frappe.db.set_value("Job Alert Flip", flip, values)
		with self.web() as server:
			engine.evaluate("test")
			self.assertEqual(server.received, [])
			long_ago = to_column(clock.now() - timedelta(seconds=limits.ALERT_CLAIM_SECONDS + 1))
			frappe.db.set_value("Job Alert Flip", flip, "claimed_at", long_ago)
			engine.evaluate("test")
			self.assertEqual(states(server), ["firing"])

	def test_a_rule_with_channels_uses_them_alone(self) -> None:
		with self.web() as server, running(WebServer()) as other:
			channel("Pager", "Webhook", url=other.url(), allow_private_addresses=1)
			self.rule("Error Log Rate", threshold=3, channels=[{"channel": "Pager"}])
			self.errors(4)
			engine.evaluate("test")
			self.assertEqual((len(server.received), len(other.received)), (0, 1))

	def test_incidents_of_a_rule_that_is_switched_off_end_silently(self) -> None:
		rule = self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		with self.web() as server:
			engine.evaluate("test")
			rule.enabled = 0
			rule.save()
			engine.evaluate("test")
			self.assertEqual(states(server), ["firing"])
		self.assertEqual([alert.state for alert in self.alerts()], ["Resolved"])

	def test_a_rule_with_open_alerts_can_be_deleted(self) -> None:
		rule = self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		engine.evaluate("test")
		rule.delete()
		engine.evaluate("test")
		self.assertEqual([alert.state for alert in self.alerts()], ["Resolved"])

	def test_the_bench_is_watched_by_one_site_where_one_is_named(self) -> None:
		self.rule("Redis Memory", threshold=0.001)
		self.addCleanup(frappe.local.conf.pop, "job_monitor_bench_site", None)
		frappe.local.conf.job_monitor_bench_site = "another.site"
		engine.evaluate("test")
		self.assertEqual(self.alerts(), [])
		frappe.local.conf.job_monitor_bench_site = frappe.local.site
		engine.evaluate("test")
		self.assertEqual(len(self.alerts()), 1)

	def test_lost_runs_fire(self) -> None:
		self.rule("Lost Runs")
		kept = state.get(STATE) or "{}"
		self.addCleanup(frappe.db.commit)
		self.addCleanup(state.put, STATE, kept)
		for age, number in ((25 * 3600, 0), (60, 1)):
			lost = {"lost": 7, "lost_at": clock.now().timestamp() - age}
			state.put(STATE, json.dumps({**json.loads(kept), **lost}))
			frappe.db.commit()
			engine.evaluate("test")
			self.assertEqual(len(self.alerts(state="Firing")), number)
			codes = [finding.code for finding in doctor.site_findings(frappe.local.site, has_redis=True)]
			self.assertEqual(codes.count("lost-runs"), number)
		self.assertIn("7 runs", self.alerts()[0].title)

	def test_a_gap_between_evaluations_fires(self) -> None:
		self.rule("Evaluation Gap")
		engine.evaluate("test")
		kept = json.loads(state.get(engine.STATE) or "")
		kept["at"] = str(clock.now() - timedelta(hours=2))
		state.put(engine.STATE, json.dumps(kept))
		frappe.db.commit()
		with self.web() as server:
			engine.evaluate("test")
			engine.evaluate("test")
		(received,) = server.received
		self.assertIn("not looked at for 2 hours", json.loads(received.body)["title"])

	def test_the_heartbeat_is_sent_while_all_is_well(self) -> None:
		frappe.local.conf.job_monitor_private_webhooks = 1
		self.addCleanup(frappe.local.conf.pop, "job_monitor_private_webhooks", None)
		self.addCleanup(self._set_heartbeat, "")
		with running(WebServer()) as server:
			self._set_heartbeat(server.url("/ping/secret"))
			engine.evaluate("test")
			self.assertEqual([received.path for received in server.received], ["/ping/secret"])
			self.rule("Error Log Rate", threshold=3)
			self.errors(4)
			with self.web(Answer(404)):
				self.assertIn("not all is well", engine.evaluate("test").heartbeat)
			self.assertEqual(len(server.received), 1)

	def _set_heartbeat(self, url: str) -> None:
		settings = frappe.get_doc("Job Monitor Settings")
		settings.heartbeat_url = url
		settings.save()
		frappe.db.commit()

	def test_a_heartbeat_into_the_own_network_is_refused(self) -> None:
		with self.assertRaises(frappe.ValidationError):
			self._set_heartbeat("http://169.254.169.254/latest")

	def test_closed_alerts_are_forgotten_in_time(self) -> None:
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		engine.evaluate("test")
		self.no_errors()
		engine.evaluate("test")
		(alert,) = self.alerts()
		controller = frappe.get_doc("Job Alert", alert.name)
		controller.clear_old_logs(30)
		self.assertEqual(len(self.alerts()), 1)
		frappe.db.set_value("Job Alert", alert.name, "resolved_at", add_to_date(now_datetime(), days=-31))
		controller.clear_old_logs(30)
		self.assertEqual((self.alerts(), frappe.db.count("Job Alert Flip")), ([], 0))
