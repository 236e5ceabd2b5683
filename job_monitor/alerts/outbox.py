"""Sends the notices that were written down, each at least once: one process claims a notice just before it sends it,
renews the claim while it does, and writes down after each channel which channels are left.

Where a process dies in between, the message goes to the channel it was at a second time, with the same id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime, get_url_to_form, get_url_to_list

from job_monitor.alerts import endings
from job_monitor.alerts.store import ALERT, FLIP, RULE, moments
from job_monitor.bridge.database import row_locks
from job_monitor.bridge.site import live_site
from job_monitor.bridge.timezones import from_column, to_column
from job_monitor.core import clock, limits
from job_monitor.core.alerts.incidents import Notice
from job_monitor.core.alerts.kinds import KINDS
from job_monitor.notify import dispatch
from job_monitor.notify.message import (
	CRITICAL,
	FIRING,
	REMINDER,
	RESOLVED,
	UNKNOWN,
	WARNING,
	Delivery,
	Message,
)

_STATES = {Notice.FIRING: FIRING, Notice.REMINDER: REMINDER, Notice.RESOLVED: RESOLVED}

_LINES = 20
"""Alerts named in one message; it says how many more there are."""


@dataclass
class Sent:
	"""Numbers of notices that at least one channel took, and of those that no channel took yet."""

	notices: int = 0
	undelivered: int = 0


def send_waiting() -> Sent:
	"""Send the notices that wait. Alerts of one rule that changed together are one message. Commits."""
	sent = Sent()
	# In SQL: see `bridge.site.state`
	if not frappe.db.sql(f"select 1 from `tab{FLIP}` where waiting = 1 limit 1"):
		return sent
	if not live_site.is_confirmed():
		return sent
	for names in _batches():
		claim = frappe.generate_hash(length=16)
		flips = _claim(names, claim)
		if flips:
			delivered = _send(flips, claim)
			sent.notices += delivered
			sent.undelivered += not delivered
	return sent


def _batches() -> Iterator[list[str]]:
	"""Names of flips that are one message: those that were one before, or those of one rule with the same notice."""
	flip, alert = frappe.qb.DocType(FLIP), frappe.qb.DocType(ALERT)
	waiting = (
		frappe.qb.from_(flip)
		.left_join(alert)
		.on(alert.name == flip.parent)
		.select(flip.name, flip.notice, flip.delivery, flip.claimed_at, flip.channels_left, alert.rule)
		.where(flip.waiting == 1)
		.orderby(flip.at, flip.idx)
		.limit(1000)
		.run(as_dict=True)
	)
	groups: dict[tuple[str, ...], list[str]] = {}
	for row in waiting:
		if not row.claimed_at or _is_stale(row.claimed_at):
			# An older release tried a notice without giving it an id
			new = (row.rule or "", row.notice, row.channels_left or "")
			groups.setdefault((row.delivery,) if row.delivery else new, []).append(row.name)
	quiet: dict[str, bool] = {}
	for key, names in groups.items():
		if len(key) == 3 and quiet.setdefault(key[0], _is_throttled(key[0])):
			continue
		yield names


def _is_stale(claimed_at: Any) -> bool:
	"""Whether the claim's process must be dead. A claim in the future was made by a clock that was ahead, and is stale, too."""
	age = (clock.now() - from_column(claimed_at)).total_seconds()
	return not -60 < age < limits.ALERT_CLAIM_SECONDS


def _is_throttled(rule: str) -> bool:
	"""Whether a rule has sent so many messages in the last hour that its notices are gathered for a while."""
	flip, alert, now = frappe.qb.DocType(FLIP), frappe.qb.DocType(ALERT), clock.now()
	rows = (
		frappe.qb.from_(flip)
		.inner_join(alert)
		.on(alert.name == flip.parent)
		.select(flip.delivery, flip.sent_at)
		.where((alert.rule == rule) & (flip.sent_at > to_column(now - timedelta(hours=1))))
		.where(flip.sent_at <= to_column(now))
		.run()
	)
	times = sorted({delivery: get_datetime(sent_at) for delivery, sent_at in rows}.values())
	recent = to_column(now - timedelta(seconds=limits.ALERT_GATHER_SECONDS))
	return len(times) >= limits.ALERT_MESSAGES_AN_HOUR and times[-1] > recent


def drop_waiting() -> None:
	"""Send none of the notices that wait: they are of the site that this one was copied from."""
	values = {"waiting": 0, "outcome": _("Nobody: nobody had said that this is the live site.")}
	frappe.db.set_value(FLIP, {"waiting": 1}, values, update_modified=False)


# A claim


def _claim(names: Sequence[str], claim: str) -> list[Any]:
	"""The flips that this process has claimed; none if another was faster."""
	now = clock.now()
	flip = frappe.qb.DocType(FLIP)
	oldest, newest = (to_column(now + timedelta(seconds=n)) for n in (-limits.ALERT_CLAIM_SECONDS, 60))
	free = flip.claimed_at.isnull() | (flip.claimed_at <= oldest) | (flip.claimed_at >= newest)
	update = frappe.qb.update(flip).set(flip.claimed_by, claim).set(flip.claimed_at, to_column(now))
	frappe.db.commit()
	try:
		row_locks.in_turn(update.where(flip.name.isin(names) & (flip.waiting == 1) & free).run)
	except frappe.QueryDeadlockError:  # with another claim; notices that neither got are sent the next time
		frappe.db.rollback()
		return []
	frappe.db.commit()
	flips = _claimed(claim)
	if flips and not flips[0].delivery:
		delivery = frappe.generate_hash(length=20)
		_note(claim, {"delivery": delivery})
		for flip in flips:
			flip.delivery = delivery
	return flips


def _claimed(claim: str) -> list[Any]:
	flip, alert, rule = (frappe.qb.DocType(name) for name in (FLIP, ALERT, RULE))
	return (
		frappe.qb.from_(flip)
		.inner_join(alert)
		.on(alert.name == flip.parent)
		.left_join(rule)
		.on(rule.name == alert.rule)
		.select(flip.name, flip.notice, flip.tries, flip.channels_left, flip.delivery, flip.outcome)
		.select(flip.parent, alert.title, alert.text, alert.subject, alert.severity)
		.select(alert.began_at, alert.moments, alert.seconds, alert.rule, rule.kind)
		.where(flip.claimed_by == claim)
		.orderby(alert.severity, alert.began_at, alert.subject)
		.run(as_dict=True)
	)


def _renew(claim: str) -> bool:
	"""Keep a claim. False if another process has it."""
	_note(claim, {"claimed_at": to_column(clock.now())})
	return bool(frappe.db.exists(FLIP, {"claimed_by": claim, "waiting": 1}))


def _note(claim: str, values: dict[str, Any]) -> None:
	frappe.db.set_value(FLIP, {"claimed_by": claim}, values, update_modified=False)
	frappe.db.commit()


# Sending


def _send(flips: Sequence[Any], claim: str) -> bool:
	"""Send one message for these flips. Returns whether any channel took it."""
	first = flips[0]
	message = message_of(first.rule or "", Notice(first.notice), flips)
	left = json.loads(first.channels_left) if first.channels_left else None
	channels = dispatch.channels_for(message.severity, _channels(first.rule) if left is None else left)
	if left == []:
		channels = []
	lines = [first.outcome] if first.outcome else []
	again: list[str] = []
	delivered = False
	for position, channel in enumerate(channels, 1):
		if not _renew(claim):
			return delivered
		delivery = dispatch.deliver(channel, message)
		delivered |= delivery.ok
		lines.append(_line_of(delivery))
		if not delivery.ok and not delivery.permanent:
			again.append(channel)
		_note(claim, {"channels_left": json.dumps(again + channels[position:]), "outcome": "\n".join(lines)})
	tries = max(flip.tries for flip in flips) + 1
	over = not again or tries >= limits.ALERT_TRIES
	values = {
		"tries": tries,
		"outcome": "\n".join(lines) or _("Nobody: no channel is enabled for this."),
		"channels_left": "" if over else json.dumps(again),
		"waiting": int(not over),
		"sent_at": to_column(clock.now()),
		"claimed_at": None,
	}
	_note(claim, values)
	return delivered


def _channels(rule: str | None) -> list[str]:
	"""Channels that a rule names; none for all."""
	return frappe.get_all(
		"Job Alert Rule Channel", {"parenttype": RULE, "parent": rule}, pluck="channel", order_by="idx"
	)


def _line_of(delivery: Delivery) -> str:
	return f"{delivery.channel or '?'}: {delivery.detail or 'ok' if delivery.ok else delivery.error}"


def message_of(rule: str, notice: Notice, flips: Sequence[Any]) -> Message:
	"""One message about one alert, or about several of a rule."""
	first, single = flips[0], len(flips) == 1
	state, kind = _STATES[notice], KINDS.get(first.kind or "")
	if state == FIRING and kind and kind.about_unknown:
		state = UNKNOWN
	title, text = _title(first, notice), first.text or ""
	if notice is Notice.RESOLVED:
		text = endings.text(first.title, text)
	if not single:
		title = (_("{0}: {1} alerts are over") if notice is Notice.RESOLVED else _("{0}: {1} alerts")).format(
			rule, len(flips)
		)
		text = "\n".join(f"• {_title(flip, notice)}" for flip in flips[:_LINES])
		if len(flips) > _LINES:
			text += "\n" + _("and {0} more").format(len(flips) - _LINES)
	began_at = min(moments(flip)["began_at"] or clock.now() for flip in flips)
	return Message(
		title=title,
		text=text,
		severity=CRITICAL if any(flip.severity == "Critical" for flip in flips) else WARNING,
		state=state,
		rule=rule,
		subject=first.subject if single else "",
		site=frappe.local.site,
		since=began_at,
		duration_seconds=_seconds(notice, flips, (clock.now() - began_at).total_seconds()),
		url=get_url_to_form(ALERT, first.parent) if single else get_url_to_list(ALERT),
		key=first.parent if single else rule,
		delivery=first.delivery,
		mail_subject=_mail_subject(first.kind, state),
	)


def _mail_subject(kind: str | None, state: str) -> str:
	"""As the monitoring reference has it, for its alert; "" for the usual one."""
	return _("High Error Rate Alert") if kind == "Error Log Rate" and state == FIRING else ""


def _title(flip: Any, notice: Notice) -> str:
	if notice is Notice.RESOLVED:
		return endings.title(flip.kind, flip.subject, flip.title)
	return flip.title


def _seconds(notice: Notice, flips: Sequence[Any], age: float) -> float:
	if notice is Notice.RESOLVED:
		return float(max(flip.seconds or 0 for flip in flips))
	return max(0.0, age)
