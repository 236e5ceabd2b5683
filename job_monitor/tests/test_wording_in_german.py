"""What core says reaches a German reader in German wherever it is read: a list, a form, an alert, a mail, the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe.utils.background_jobs import create_job_id

from job_monitor.alerts import engine
from job_monitor.bridge import boot, context
from job_monitor.bridge.rq import actions
from job_monitor.bridge.schedules import schedule_rows
from job_monitor.bridge.wording import translated
from job_monitor.core.errors import RedisTimeout
from job_monitor.core.findings import Severity
from job_monitor.core.messages import finding
from job_monitor.job_monitor.doctype.job_alert.test_job_alert import AlertTestCase
from job_monitor.job_monitor.doctype.job_alert_channel.test_job_alert_channel import account, channel
from job_monitor.tests.support.servers import MailServer, running
from job_monitor.tests.support.site_test_case import SiteTestCase


@contextmanager
def german() -> Iterator[None]:
	before, frappe.local.lang = frappe.local.lang, "de"
	try:
		yield
	finally:
		frappe.local.lang = before


@contextmanager
def german_numbers() -> Iterator[None]:
	before = frappe.db.get_default("number_format")
	frappe.db.set_default("number_format", "#.###,##")
	try:
		yield
	finally:
		frappe.db.set_default("number_format", before)


class TestGerman(SiteTestCase):
	def test_the_outcome_of_an_act_is_german_in_desk_and_english_in_the_audit(self) -> None:
		job_id = self.enqueue()
		with german():
			refused = actions.act("retry", job_id)
			removed = actions.act("remove", job_id)
		self.assertEqual(
			(refused["done"], refused["code"], refused["values"]), (False, "not-retry", {"status": "queued"})
		)
		self.assertIn("kann wiederholt werden", refused["message"])
		self.assertIn("; dieser ist", refused["message"])
		self.assertEqual((removed["code"], removed["message"]), ("deleted", "er wurde gelöscht"))
		frappe.db.rollback()  # the audit writes on a connection of its own
		outcomes = frappe.get_all(
			"Job Monitor Audit", {"subject": job_id}, pluck="outcome", order_by="creation"
		)
		self.assertEqual(
			outcomes,
			["only a failed, stopped or canceled job can be retried; this one is queued", "it was deleted"],
		)

	def test_the_state_of_a_schedule_is_german_in_lists_and_its_code_stays(self) -> None:
		with german():
			rows = {row["name"]: row for row in schedule_rows.rows()}
			bootinfo = frappe._dict()
			boot.extend(bootinfo)
		words = bootinfo.job_monitor
		self.assertEqual(words["schedule_states"]["stopped"], "Angehalten")
		self.assertEqual(words["outcomes"]["timeout"], "Zeitüberschreitung")
		labels = {act["name"]: act["label"] for act in words["acts"]}
		self.assertEqual((labels["retry"], labels["remove"]), ("Wiederholen", "Löschen"))
		for row in rows.values():
			known = words["schedule_states"][row["state"]]
			self.assertTrue(row["label"] == known or row["missed_runs"], row)

	def test_a_finding_is_german_with_the_sites_numbers_and_english_for_programs(self) -> None:
		backlog = {"waiting": 1234, "oldest_seconds": 12600, "busy": 3, "workers": 4}
		found = finding("backlog", Severity.WARNING, "bench:short", **backlog)
		with german(), german_numbers():
			message, hint = translated(found.message), translated(found.hint)
		self.assertIn("1.234 Jobs warten", message)
		self.assertIn("3,5 Std", message)
		self.assertIn("Worker", hint)
		self.assertEqual(found.message, "1,234 jobs wait, the oldest for 3.5 h; 3 of 4 workers busy.")
		self.assertEqual((found.code, found.values), ("backlog", backlog))

	def test_a_refusal_is_german(self) -> None:
		with german():
			with self.assertRaises(frappe.DoesNotExistError) as gone:
				actions.act("stop", create_job_id("not-there"))
			with self.assertRaises(context.RedisUnavailable) as silent, context.frappe_errors():
				raise RedisTimeout("x")
		self.assertIn("Kein solcher Job", str(gone.exception))
		self.assertIn("Redis hat nicht rechtzeitig geantwortet", str(silent.exception))


class TestGermanMail(AlertTestCase):
	def test_an_alert_and_its_mail_are_in_the_language_of_the_site(self) -> None:
		frappe.db.set_single_value("System Settings", "language", "de")
		self.rule("No Worker")
		channel("E-mail", "Email", recipients="admin@example.com")
		self.enqueue()
		with running(MailServer()) as server:
			account(server)
			engine.evaluate("test")
			(mail,) = server.mails
		(alert,) = self.alerts()
		self.assertEqual(alert.title, "Kein Worker bedient Warteschlange short")
		self.assertIn("KRITISCH: Kein Worker bedient", mail.message["Subject"])
		text = mail.message.get_body(("plain",)).get_content()
		self.assertIn("1 Job wartet", text)
		self.assertIn("bench worker --queue short", text)
