"""E-mail by the site's default outgoing account, within this process.

`frappe.sendmail(now=True)` is not used: it inserts into Email Queue and commits before it connects to the mail server,
waits two minutes for a dead one, and is silent where mail is muted or suspended.
"""

from __future__ import annotations

import hashlib
import smtplib
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from functools import partial
from typing import Any

import frappe
from frappe.utils import cint

from job_monitor.core import limits
from job_monitor.notify import render
from job_monitor.notify.deadline import run_within
from job_monitor.notify.message import CRITICAL, FIRING, DeliveryError, Message
from job_monitor.notify.recipients import recipients_of
from job_monitor.notify.render import line

Refusals = dict[str, tuple[int, bytes]]


@dataclass(frozen=True)
class Server:
	"""An SMTP server, as the Email Account has it. Without password and access token there is no login."""

	host: str
	port: int = 0
	login: str = ""
	password: str = field(default="", repr=False)
	access_token: str = field(default="", repr=False)
	use_ssl: bool = False
	use_tls: bool = False


def deliver(channel: Any, message: Message) -> str:
	"""Send an e-mail. Returns its recipients.

	Raises:
		DeliveryError
	"""
	account = _account()
	recipients = recipients_of(channel.recipients)
	if not recipients:
		raise DeliveryError(frappe._("There is nobody to send it to."), permanent=True)
	server, sender = _server(account), account.email_id
	mail = compose(message, account.default_sender, recipients)
	refused = run_within(limits.MAIL_SECONDS, server.host, lambda: _send(server, mail, sender, recipients))
	if refused:
		text = frappe._("{0} of {1} recipients were refused: {2}")
		text = text.format(len(refused), len(recipients), _words(refused))
		raise DeliveryError(text, permanent=all(code >= 500 for code, _ in refused.values()))
	return ", ".join(recipients)


def _account() -> Any:
	if frappe.are_emails_muted():
		raise DeliveryError(frappe._("E-mails are muted on this site (mute_emails)."), permanent=True)
	if cint(frappe.db.get_default("suspend_email_queue")):
		raise DeliveryError(frappe._("Sending of e-mails is suspended on this site."), permanent=True)
	# Twelve megabytes of modules, which only a process that sends needs
	from frappe.email.doctype.email_account.email_account import EmailAccount

	account = EmailAccount.find_default_outgoing()
	if not account:
		raise DeliveryError(frappe._("There is no default outgoing Email Account."), permanent=True)
	return account


def _server(account: Any) -> Server:
	config = account.sendmail_config()
	if not config["server"]:
		text = frappe._("The Email Account {0} has no SMTP server.").format(account.name)
		raise DeliveryError(text, permanent=True)
	if config["use_oauth"] and not config["access_token"]:
		text = frappe._("The Email Account {0} is not authorized.").format(account.name)
		raise DeliveryError(text, permanent=True)
	return Server(
		host=config["server"],
		port=config["port"],
		login=config["login"] or "",
		password=config["password"] or "",
		access_token=config["access_token"] if config["use_oauth"] else "",
		use_ssl=bool(config["use_ssl"]),
		use_tls=bool(config["use_tls"]),
	)


def compose(message: Message, sender: str, recipients: list[str]) -> EmailMessage:
	"""The mail of a message. Notices of one incident refer to the same id, so mail programs show them as one thread; a
	notice that is sent twice has one Message-ID, so mail servers show it once."""
	mail = EmailMessage(policy=SMTP)
	mail["Subject"] = message.mail_subject or f"{render.headline(message, frappe._)} ({message.site})"
	mail["From"] = sender
	mail["To"] = ", ".join(recipients)
	mail["Date"] = formatdate(localtime=True)
	domain = message.site if message.site.isascii() and " " not in message.site else "job-monitor"
	identity = hashlib.sha256("\n".join([message.delivery, *recipients]).encode()).hexdigest()[:32]
	mail["Message-ID"] = f"<{identity}.job-monitor@{domain}>"
	mail["References"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@{domain}>"
	mail["Auto-Submitted"] = "auto-generated"
	if message.severity == CRITICAL and message.state == FIRING:
		mail["Importance"] = "high"
	mail.set_content(render.as_text(message, frappe._))
	mail.add_alternative(render.as_html(message, frappe._), subtype="html")
	return mail


def _send(server: Server, mail: EmailMessage, sender: str, recipients: list[str]) -> Refusals:
	"""Runs without Frappe."""
	try:
		with closing(_connect(server)) as session:
			_log_in(session, server)
			refused: Refusals = session.send_message(mail, sender, recipients)
			with suppress(OSError, smtplib.SMTPException):  # it has the mail
				session.quit()
			return refused
	except smtplib.SMTPRecipientsRefused as error:
		return error.recipients
	except smtplib.SMTPResponseException as error:
		text = f"{server.host} answered {error.smtp_code}: {_text(error.smtp_error)}"
		raise DeliveryError(text, permanent=error.smtp_code >= 500) from None
	except (OSError, smtplib.SMTPException) as error:
		text = getattr(error, "strerror", None) or str(error) or type(error).__name__
		raise DeliveryError(f"{server.host}: {line(text)}") from None


def _connect(server: Server) -> smtplib.SMTP:
	"""As Frappe connects: the certificate is not checked, as many sites' own mail servers have none."""
	kind = smtplib.SMTP_SSL if server.use_ssl else smtplib.SMTP
	port = server.port or (465 if server.use_ssl else 587 if server.use_tls else 25)
	return kind(server.host, port, timeout=limits.MAIL_SECONDS / 2)


def _log_in(session: smtplib.SMTP, server: Server) -> None:
	if server.use_tls and not server.use_ssl:
		session.starttls()
	if server.access_token:
		session.ehlo_or_helo_if_needed()
		session.auth("XOAUTH2", partial(_bearer, server), initial_response_ok=True)
	elif server.password:
		session.login(server.login, server.password)


def _bearer(server: Server, challenge: bytes | None = None) -> str:
	"""The answer that XOAUTH2 wants. A challenge is the server's reason to refuse the token: after an empty answer the server
	ends with an error in words."""
	return "" if challenge is not None else f"user={server.login}\1auth=Bearer {server.access_token}\1\1"


def _words(refused: Refusals) -> str:
	return "; ".join(f"{who}: {code} {_text(text)}" for who, (code, text) in refused.items())


def _text(text: bytes | str) -> str:
	return line(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
