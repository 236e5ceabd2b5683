"""Channels on a real site, with a real mail server and a real web server on this machine."""

from __future__ import annotations

import json
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime, now_datetime
from rq.timeouts import JobTimeoutException

from job_monitor import install
from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.core import clock, limits
from job_monitor.notify import dispatch
from job_monitor.notify.channels import email
from job_monitor.notify.message import Delivery, DeliveryError, Message
from job_monitor.tests.support.servers import Answer, MailServer, WebServer, certificate, running
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off

DOCTYPE = "Job Alert Channel"
SEND_TEST = "/api/method/job_monitor.api.alerts.send_test"
TOKEN = "T0K3N-b4fe91aa77"
ACCOUNT = "Job Monitor Test"


def message(**values: Any) -> Message:
	fields = {
		"title": "Queue long is stuck",
		"text": "Its oldest job waits for 12 min, password=hunter2.\nStart a worker.",
		"severity": "critical",
		"state": "firing",
		"rule": "Queue age",
		"subject": "long",
		"site": frappe.local.site,
		"since": clock.now(),
		"duration_seconds": 720.0,
		"url": frappe.utils.get_url("/app/job-alert/1"),
		"key": "queue-age:long",
		"delivery": "d-1",
	}
	return Message(**{**fields, **values})


def send(message: Message, channels: list[str] | None = None) -> list[Delivery]:
	return [dispatch.deliver(name, message) for name in dispatch.channels_for(message.severity, channels)]


def channel(title: str, kind: str, **values: Any) -> Any:
	return frappe.get_doc({"doctype": DOCTYPE, "title": title, "kind": kind, **values}).insert()


def account(server: MailServer, **values: Any) -> None:
	"""Make it the site's outgoing account, without asking the server as Frappe's form does."""
	doc = frappe.new_doc("Email Account")
	doc.update({"email_account_name": ACCOUNT, "email_id": "monitor@site.example", "login_id": "monitor"})
	doc.update({"enable_outgoing": 1, "default_outgoing": 1, "smtp_server": "localhost"})
	doc.update({"smtp_port": server.port, "no_smtp_authentication": 1, **values})
	doc.flags.ignore_validate = True
	doc.insert(ignore_permissions=True)


class ChannelTestCase(SiteTestCase):
	"""No channel, no outgoing account, no recipients at the start of each test; mails are sent."""

	def setUp(self) -> None:
		super().setUp()
		mute = frappe.conf.pop("mute_emails", None)
		self.addCleanup(frappe.conf.update, {"mute_emails": mute})
		frappe.flags.mute_emails = False
		for doctype in (DOCTYPE, "Job Alert Channel Role"):
			frappe.db.delete(doctype)
		frappe.db.delete("Notification Log", {"subject": ["like", "%Queue long is stuck%"]})
		for name in frappe.get_all("Email Account", {"default_outgoing": 1}, pluck="name"):
			frappe.db.set_value("Email Account", name, "default_outgoing", 0)
		frappe.delete_doc("Email Account", ACCOUNT, force=True, ignore_permissions=True, ignore_missing=True)
		frappe.db.set_single_value("Job Monitor Settings", "alert_recipients", "")
		frappe.db.commit()

	def state(self, name: str) -> Any:
		fields = ["status", "last_sent", "last_error", "failures_in_a_row"]
		return frappe.db.get_value(DOCTYPE, name, fields, as_dict=True)


class TestMail(ChannelTestCase):
	def test_a_mail_arrives_at_the_channels_own_recipients(self) -> None:
		channel("Ops", "Email", recipients="a@ops.example, b@ops.example\na@ops.example")
		queued = frappe.db.count("Email Queue")
		with running(MailServer()) as server:
			account(server)
			(delivery,) = send(message())
		self.assertTrue(delivery.ok, delivery.error)
		(mail,) = server.mails
		self.assertEqual(mail.sender, "monitor@site.example")
		self.assertEqual(mail.recipients, ["a@ops.example", "b@ops.example"])
		self.assertEqual(mail.message["Subject"], f"CRITICAL: Queue long is stuck ({frappe.local.site})")
		text = mail.message.get_body(("plain",)).get_content()
		self.assertIn("Start a worker.", text)
		self.assertNotIn("hunter2", mail.message.as_string())
		self.assertIn("Queue long is stuck", mail.message.get_body(("html",)).get_content())
		self.assertEqual(frappe.db.count("Email Queue"), queued)

	def test_notices_of_one_incident_are_one_thread(self) -> None:
		channel("Ops", "Email", recipients="a@ops.example")
		with running(MailServer()) as server:
			account(server)
			for state, key in (("firing", "x"), ("resolved", "x"), ("firing", "y")):
				send(message(state=state, key=key))
		threads = [mail.message["References"] for mail in server.mails]
		self.assertEqual(threads[0], threads[1])
		self.assertNotEqual(threads[0], threads[2])

	def test_without_own_recipients_those_of_the_settings_then_system_managers(self) -> None:
		manager = make_user("jm-sm@ops.example", "System Manager")
		disabled = make_user("jm-off@ops.example", "System Manager")
		frappe.db.set_value("User", disabled, "enabled", 0)
		channel("Ops", "Email")
		with running(MailServer()) as server:
			account(server)
			send(message())
			settings = frappe.get_doc("Job Monitor Settings")
			settings.alert_recipients = "settings@ops.example"
			settings.save()
			send(message())
		self.assertIn(manager, server.mails[0].recipients)
		self.assertNotIn(disabled, server.mails[0].recipients)
		self.assertEqual(server.mails[1].recipients, ["settings@ops.example"])

	def test_login_and_starttls(self) -> None:
		channel("Ops", "Email", recipients="a@ops.example")
		with tempfile.TemporaryDirectory() as folder:
			context, _ = certificate(Path(folder))
		with running(MailServer(login=("monitor", "pa55-word"), context=context)) as server:
			account(server, use_tls=1, no_smtp_authentication=0, password="pa55-word")
			self.assertTrue(send(message())[0].ok)
			self.assertEqual(len(server.mails), 1)
			server.login = ("monitor", "another")
			(delivery,) = send(message())
		self.assertEqual(delivery.error, "localhost answered 535: wrong password for monitor")
		self.assertTrue(delivery.permanent)

	def test_a_refused_token_fails_with_the_servers_words(self) -> None:
		mail = email.compose(message(), "a@site.example", ["b@ops.example"])
		with running(MailServer(login=("monitor", "t0ken"))) as server:
			good = email.Server("localhost", server.port, "monitor", access_token="t0ken")
			self.assertEqual(email._send(good, mail, "a@site.example", ["b@ops.example"]), {})
			self.assertEqual(len(server.mails), 1)
			with self.assertRaises(DeliveryError) as refused:
				email._send(replace(good, access_token="old"), mail, "a@site.example", ["b@ops.example"])
		self.assertEqual(str(refused.exception), "localhost answered 535: token of monitor refused")
		self.assertTrue(refused.exception.permanent)

	def test_recipients_that_the_server_refuses_are_in_the_error(self) -> None:
		channel("Ops", "Email", recipients="a@ops.example, gone@ops.example")
		with running(MailServer(refuse={"gone@ops.example": "550 no such user"})) as server:
			account(server)
			(delivery,) = send(message())
		self.assertFalse(delivery.ok)
		self.assertEqual(delivery.error, "1 of 2 recipients were refused: gone@ops.example: 550 no such user")
		self.assertEqual(server.mails[0].recipients, ["a@ops.example"])

	def test_a_server_that_hangs_is_left(self) -> None:
		channel("Ops", "Email", recipients="a@ops.example")
		seconds, limits.MAIL_SECONDS = limits.MAIL_SECONDS, 1.0
		self.addCleanup(setattr, limits, "MAIL_SECONDS", seconds)
		with running(MailServer(silent=True)) as server:
			account(server)
			started = time.monotonic()
			self.assertFalse(send(message())[0].ok)
		self.assertLess(time.monotonic() - started, 3)

	def test_without_an_account_the_error_is_on_the_channel_and_not_in_error_log(self) -> None:
		channel("Ops", "Email", recipients="a@ops.example")
		logged = frappe.db.count("Error Log")
		(delivery,) = send(message())
		self.assertEqual(delivery.error, "There is no default outgoing Email Account.")
		self.assertTrue(delivery.permanent)
		self.assertEqual(frappe.db.count("Error Log"), logged)
		self.assertEqual(frappe.local.message_log, [])


class TestDesk(ChannelTestCase):
	def rows(self, user: str) -> list[Any]:
		filters = {"for_user": user, "subject": ["like", "%Queue long is stuck%"]}
		return frappe.get_all("Notification Log", filters, ["subject", "type", "link", "email_content"])

	def test_managers_are_notified_and_nobody_gets_a_mail(self) -> None:
		manager, reader = make_user("jm-m@ops.example", MANAGER), make_user("jm-u@ops.example", USER)
		channel("Bell", "Desk")
		queued = frappe.db.count("Email Queue")
		(delivery,) = send(message(text="<b>x</b>"))
		self.assertTrue(delivery.ok, delivery.error)
		(row,) = self.rows(manager)
		self.assertEqual((row.type, row.link), ("Alert", "/app/job-alert/1"))
		self.assertIn("&lt;b&gt;", row.email_content)
		self.assertEqual((self.rows(reader), len(self.rows("Administrator"))), ([], 1))
		self.assertEqual(frappe.db.count("Email Queue"), queued)

	def test_chosen_roles_only(self) -> None:
		manager, reader = make_user("jm-m@ops.example", MANAGER), make_user("jm-u@ops.example", USER)
		channel("Bell", "Desk", roles=[{"role": USER}])
		send(message())
		self.assertEqual((len(self.rows(manager)), len(self.rows(reader))), (0, 1))


class TestDispatch(ChannelTestCase):
	def hook(self, server: WebServer, title: str = "Hook", **values: Any) -> Any:
		values = {"url": server.url(f"/{TOKEN}"), "allow_private_addresses": 1, **values}
		return channel(title, "Webhook", **values)

	def test_one_failure_stops_nobody_and_is_written_down(self) -> None:
		channel("Mail", "Email", recipients="a@ops.example")
		channel("Bell", "Desk")
		with running(WebServer(Answer(404, body=f"no hook {TOKEN}"))) as server:
			self.hook(server)
			send(message())
			deliveries = send(message())
			frappe.db.rollback()  # nothing of it is lost
		got = {delivery.channel: delivery.ok for delivery in deliveries}
		self.assertEqual(got, {"Bell": True, "Hook": False, "Mail": False})
		self.assertEqual(deliveries[0].channel, "Bell")
		bell, hook = self.state("Bell"), self.state("Hook")
		self.assertEqual((bell.status, bell.failures_in_a_row, bell.last_error), ("OK", 0, ""))
		self.assertLess(abs((now_datetime() - get_datetime(bell.last_sent)).total_seconds()), 30)
		self.assertEqual((hook.status, hook.failures_in_a_row, hook.last_sent), ("Failing", 2, None))
		self.assertEqual(hook.last_error, "127.0.0.1 answered 404 Not Found: no hook …")

	def test_one_success_makes_it_well_again(self) -> None:
		with running(WebServer(Answer(400), Answer(200))) as server:
			self.hook(server)
			_failed, _sent = send(message()), send(message())
		self.assertEqual((self.state("Hook").status, self.state("Hook").failures_in_a_row), ("OK", 0))

	def test_who_is_chosen(self) -> None:
		channel("Bell", "Desk")
		channel("Off", "Desk", enabled=0)
		channel("Urgent", "Desk", minimum_severity="Critical")

		def names_for(severity: str, names: list[str] | None) -> list[str]:
			return sorted(d.channel for d in send(message(severity=severity), names))

		self.assertEqual(names_for("critical", None), ["Bell", "Urgent"])
		self.assertEqual(names_for("critical", []), ["Bell", "Urgent"])
		self.assertEqual(names_for("warning", None), ["Bell"])
		self.assertEqual(names_for("critical", ["Urgent", "Off", "Gone"]), ["Urgent"])

	def test_our_own_bug_is_an_outcome(self) -> None:
		channel("Bell", "Desk")
		channel("Mail", "Email")
		kinds = dict(dispatch._KINDS)

		def bug(*args: Any) -> str:
			frappe.db.set_value("User", "Administrator", "bio", "half done")
			frappe.throw("a bug, password=hunter2")

		dispatch._KINDS["Desk"] = bug
		self.addCleanup(dispatch._KINDS.update, kinds)
		bell = send(message())[0]
		self.assertIn("a bug", bell.error)
		self.assertNotIn("hunter2", bell.error + self.state("Bell").last_error)
		self.assertNotEqual(frappe.db.get_value("User", "Administrator", "bio"), "half done")
		self.assertEqual(frappe.local.message_log, [])

	def test_a_jobs_time_limit_gets_through(self) -> None:
		def late(*args: Any) -> None:
			raise JobTimeoutException("too long")

		before = signal.signal(signal.SIGALRM, late)
		self.addCleanup(signal.signal, signal.SIGALRM, before)
		with running(WebServer(Answer(after=3))) as server:
			self.hook(server)
			signal.setitimer(signal.ITIMER_REAL, 0.5)
			with self.assertRaises(JobTimeoutException):
				send(message())

	def test_it_works_in_a_job(self) -> None:
		channel("Bell", "Desk")
		frappe.db.commit()
		job = frappe.enqueue("job_monitor.notify.dispatch.test", queue="short", channel="Bell")
		self.job_ids.append(job.id)
		frappe.db.commit()
		work_off("short")
		frappe.db.rollback()
		self.assertEqual(self.state("Bell").status, "OK")

	def test_templates_and_signature_reach_the_server(self) -> None:
		with running(WebServer()) as server:
			for template in ("JSON", "Slack", "Discord", "Teams"):
				self.hook(server, template, template=template, secret="s3cret")
			send(message())
		bodies = [json.loads(got.body) for got in server.received]
		keys = sorted(next(k for k in ("version", "mrkdwn", "embeds", "type") if k in b) for b in bodies)
		self.assertEqual(keys, ["embeds", "mrkdwn", "type", "version"])
		self.assertTrue(all("X-Job-Monitor-Signature" in got.headers for got in server.received))
		self.assertTrue(all(TOKEN not in got.body.decode() for got in server.received))


class TestDocument(ChannelTestCase):
	def refused(self, text: str, kind: str, **values: Any) -> None:
		with self.assertRaises(frappe.ValidationError) as error:
			channel("Bad", kind, **values)
		self.assertIn(text, str(error.exception))
		frappe.clear_messages()

	def test_wrong_values_are_refused_at_save(self) -> None:
		self.refused("valid Email", "Email", recipients="nobody")
		self.refused("needs a URL", "Webhook")
		self.refused("must begin with https://", "Webhook", url="http://hooks.example.com/x")
		for host in ("127.0.0.1", "localhost", "169.254.169.254", "[::1]"):
			self.refused("not public", "Webhook", url=f"https://{host}/x")
		self.refused("not public", "Webhook", url="https://[::ffff:a9fe:a9fe]/x")
		with patch.dict(frappe.local.conf, job_monitor_private_webhooks=1):
			self.assertTrue(channel("Inside", "Webhook", url="http://127.0.0.1:6000/x"))

	def test_url_and_secret_are_kept_encrypted(self) -> None:
		doc = channel("Hook", "Webhook", url=f"https://hooks.example.com/{TOKEN}", secret="s3cret-1")
		self.assertEqual(doc.goes_to, "hooks.example.com")
		kept = json.dumps(frappe.get_doc(DOCTYPE, "Hook").as_dict(), default=str)
		self.assertNotIn(TOKEN, kept)
		self.assertNotIn("s3cret-1", kept)
		doc = frappe.get_doc(DOCTYPE, "Hook")
		doc.enabled = 0
		doc.save()
		self.assertEqual(doc.get_password("url"), f"https://hooks.example.com/{TOKEN}")

	def test_a_form_cannot_set_the_status(self) -> None:
		doc = channel("Bell", "Desk", status="Failing", last_error="made up", failures_in_a_row=9)
		send(message())
		doc.status, doc.last_sent = "Failing", None
		doc.save()
		self.assertEqual(self.state("Bell").status, "OK")
		self.assertTrue(self.state("Bell").last_sent)

	def test_only_a_system_manager_opens_the_network(self) -> None:
		make_user("jm-m@ops.example", MANAGER)
		frappe.set_user("jm-m@ops.example")
		doc = channel("Hook", "Webhook", url="https://hooks.example.com/x", allow_private_addresses=1)
		self.assertFalse(frappe.get_doc(DOCTYPE, doc.name).allow_private_addresses)
		frappe.db.set_value(DOCTYPE, doc.name, "allow_private_addresses", 1)
		doc = frappe.get_doc(DOCTYPE, doc.name)
		doc.url = "http://127.0.0.1:6379/"
		self.assertRaises(frappe.PermissionError, doc.save)

	def test_a_site_without_channels_gets_two(self) -> None:
		install.add_channels()
		install.add_channels()
		got = frappe.get_all(DOCTYPE, fields=["name", "kind", "enabled"], order_by="name")
		self.assertEqual([tuple(row.values()) for row in got], [("Desk", "Desk", 1), ("E-mail", "Email", 1)])
		frappe.delete_doc(DOCTYPE, "Desk")
		install.add_channels()
		self.assertEqual(frappe.get_all(DOCTYPE, pluck="name"), ["E-mail"])


class TestSendTest(ChannelTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.manager = make_user("jm-m@ops.example", MANAGER)
		self.reader = make_user("jm-u@ops.example", USER)
		channel("Bell", "Desk", enabled=0)
		channel("Mail", "Email", recipients="a@ops.example")
		frappe.db.commit()

	def test_a_manager_sends_one_also_on_a_disabled_channel(self) -> None:
		status, answer = request(SEND_TEST, self.manager, "POST", channel="Bell")
		self.assertEqual((status, answer["message"]["ok"]), (200, True), answer)
		frappe.db.rollback()
		self.assertEqual(self.state("Bell").status, "OK")

	def test_a_failed_test_message_says_why(self) -> None:
		status, answer = request(SEND_TEST, self.manager, "POST", channel="Mail")
		self.assertEqual(status, 200)
		expected = {"ok": False, "detail": "", "error": "There is no default outgoing Email Account."}
		self.assertEqual(answer["message"], expected)
		self.assertNotIn("_server_messages", answer)
		frappe.db.rollback()
		self.assertEqual(self.state("Mail").failures_in_a_row, 1)

	def test_others_may_not(self) -> None:
		for user, method, status in (
			(self.reader, "POST", 403),
			("", "POST", 403),
			(self.manager, "GET", 403),
		):
			self.assertEqual(request(SEND_TEST, user, method, channel="Bell")[0], status, user)
		self.assertEqual(request(SEND_TEST, self.manager, "POST", channel="Gone")[0], 404)
		self.assertFalse(frappe.has_permission(DOCTYPE, "read", user=self.reader))
