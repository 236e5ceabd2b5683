"""Sends a message on a channel, and records the outcome on the Job Alert Channel."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import frappe
from frappe.utils import now_datetime
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge import context
from job_monitor.bridge.timezones import site_zone
from job_monitor.core import clock
from job_monitor.core.errors import ConfigError
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.notify.channels import desk, email, webhook
from job_monitor.notify.message import CRITICAL, TEST, WARNING, Delivery, DeliveryError, Message
from job_monitor.notify.render import bounded, line

CHANNEL = "Job Alert Channel"
OK, FAILING = "OK", "Failing"
"""Statuses of a channel that was used."""

_KINDS: dict[str, Callable[[Any, Message], str]] = {
	"Desk": desk.deliver,
	"Webhook": webhook.deliver,
	"Email": email.deliver,
}
"""Functions by kind of channel, the fast ones first."""


def channels_for(severity: str, channels: Sequence[str] | None = None) -> list[str]:
	"""Names of the enabled channels for this severity: the fast ones first, the failing ones last.

	Args:
		channels: Names. None or empty for all.
	"""
	filters: dict[str, Any] = {"enabled": 1}
	if severity != CRITICAL:
		filters["minimum_severity"] = "Warning"
	if channels:
		filters["name"] = ["in", list(channels)]
	rows = frappe.get_all(CHANNEL, filters, ["name", "kind", "failures_in_a_row"])
	order = list(_KINDS)
	rows.sort(key=lambda row: (row.failures_in_a_row > 0, order.index(row.kind)))
	return [row.name for row in rows]


def deliver(channel: str, message: Message) -> Delivery:
	"""Send a message on one channel; never raises, except a job's time limit.

	Commits twice: the caller's writes, so that no lock is held while a server is waited for, and the outcome.
	"""
	try:
		frappe.db.commit()
		kind = frappe.db.get_value(CHANNEL, channel, "kind")
		prepared = _prepared(message)
	except BaseTimeoutException:
		raise
	except Exception as error:
		_rollback()
		return Delivery(channel, False, _unexpected(error, f"channel {channel} cannot be read"))
	return _attempt(channel, kind, prepared)


def test(channel: str) -> Delivery:
	"""Send a message that says it is a test, whether or not the channel is enabled. Commits, as `deliver` does."""
	message = Message(
		title=frappe._("This is a test of the channel {0}").format(channel),
		text=frappe._("Sent by {0}. Alerts of this site will look like this one.").format(
			frappe.session.user
		),
		severity=WARNING,
		state=TEST,
		rule="",
		subject="",
		site=frappe.local.site,
		since=clock.now(),
		duration_seconds=None,
		url=frappe.utils.get_url_to_form(CHANNEL, channel),
		key=f"test-{channel}",
		delivery=frappe.generate_hash(length=20),
	)
	return deliver(channel, message)


def _prepared(message: Message) -> Message:
	since = message.since.astimezone(site_zone()) if message.since else None
	title, text = _redacted(message.title), _redacted(message.text)
	return bounded(replace(message, title=title, text=text, since=since))


def _attempt(channel: str, kind: str, message: Message) -> Delivery:
	messages = list(frappe.local.message_log)
	try:
		detail = _KINDS[kind](frappe.get_doc(CHANNEL, channel), message)
		delivery = Delivery(channel, True, detail=line(detail))
		frappe.db.commit()
	except BaseTimeoutException:
		raise
	except DeliveryError as error:
		delivery = Delivery(channel, False, line(str(error)), error.permanent)
	except Exception as error:
		delivery = Delivery(channel, False, _unexpected(error, f"channel {channel}"))
	frappe.local.message_log = messages  # the outcome holds what frappe.throw put there
	_record(delivery)
	return delivery


def _record(delivery: Delivery) -> None:
	try:
		if delivery.ok:
			values = {"last_sent": now_datetime(), "status": OK, "last_error": "", "failures_in_a_row": 0}
		else:
			frappe.db.rollback()
			failures = frappe.db.get_value(CHANNEL, delivery.channel, "failures_in_a_row") or 0
			values = {"status": FAILING, "last_error": delivery.error, "failures_in_a_row": failures + 1}
		frappe.db.set_value(CHANNEL, delivery.channel, values, update_modified=False)
		frappe.db.commit()
	except BaseTimeoutException:
		raise
	except Exception as error:
		_unexpected(error, f"the outcome on channel {delivery.channel} cannot be written down")
		_rollback()


def _rollback() -> None:
	"""After an error of the database, so that the caller and the next channel can go on."""
	try:
		frappe.db.rollback()
	except BaseTimeoutException:
		raise
	except Exception as error:
		_unexpected(error, "a rollback failed")


def _unexpected(error: Exception, what: str) -> str:
	"""Log an error of our own, and give it as a line. Not into Error Log: alerts count its rows."""
	trace = "".join(traceback.format_exception(error))
	with suppress(OSError):  # a full disk
		frappe.logger("job_monitor").error(_redacted(f"{what}: {trace}"))
	return line(_redacted(f"{type(error).__name__}: {error}"))


def _redacted(text: str) -> str:
	try:
		return context.redactor().clean_text(text)
	except ConfigError:  # in the names that a site masks besides ours
		return Redactor().clean_text(text)
