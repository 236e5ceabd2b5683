"""Sends the notices that were written down: each is claimed by one process, whatever the number of evaluators."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_url_to_form, get_url_to_list, now_datetime

from job_monitor.alerts.incidents import ALERT, FLIP, RULE
from job_monitor.core import limits
from job_monitor.core.alerting import Notice
from job_monitor.notify import dispatch
from job_monitor.notify.message import CRITICAL, FIRING, REMINDER, RESOLVED, UNKNOWN, WARNING, Message

_STATES = {Notice.FIRING: FIRING, Notice.REMINDER: REMINDER, Notice.RESOLVED: RESOLVED}

_LINES = 20
"""Alerts named in one message; it says how many more there are."""


@dataclass
class Sent:
	"""Notices that at least one channel took, and those that none did (yet)."""

	notices: int = 0
	undelivered: int = 0


def send_waiting() -> Sent:
	"""Send what waits. Alerts of one rule that changed together are told together. Commits."""
	sent = Sent()
	for (rule, notice, _left), flips in groupby(_claim(), key=_together):
		group = list(flips)
		told = _tell(rule, Notice(notice), group)
		sent.notices += told
		sent.undelivered += not told
	return sent


def _together(flip: Any) -> tuple[str, str, str]:
	return flip.rule or "", flip.notice, flip.channels_left or ""


def _claim() -> list[Any]:
	"""Waiting flips that are now this process's alone, in the order of `_together`."""
	now = now_datetime()
	waiting = frappe.get_all(
		FLIP,
		{"waiting": 1},
		["name", "claimed_at"],
		order_by="at, idx",
		limit=1000,
	)
	stale = now - timedelta(seconds=limits.ALERT_CLAIM_SECONDS)
	names = [flip.name for flip in waiting if not flip.claimed_at or flip.claimed_at < stale]
	if not names:
		return []
	claim = frappe.generate_hash(length=16)
	flip = frappe.qb.DocType(FLIP)
	free = flip.claimed_at.isnull() | (flip.claimed_at < stale)
	frappe.db.commit()
	frappe.qb.update(flip).set(flip.claimed_by, claim).set(flip.claimed_at, now).where(
		flip.name.isin(names) & (flip.waiting == 1) & free
	).run()
	frappe.db.commit()
	return sorted(_claimed(claim), key=_together)


def _claimed(claim: str) -> list[Any]:
	flip, alert, rule = (frappe.qb.DocType(name) for name in (FLIP, ALERT, RULE))
	return (
		frappe.qb.from_(flip)
		.inner_join(alert)
		.on(alert.name == flip.parent)
		.left_join(rule)
		.on(rule.name == alert.rule)
		.select(flip.name, flip.at, flip.notice, flip.tries, flip.channels_left)
		.select(flip.parent, alert.title, alert.text, alert.subject, alert.severity)
		.select(alert.began_at, alert.seconds, alert.rule, rule.kind)
		.where(flip.claimed_by == claim)
		.orderby(alert.severity, alert.began_at, alert.subject)
		.run(as_dict=True)
	)


def _tell(rule: str, notice: Notice, flips: Sequence[Any]) -> bool:
	"""Send one message for these flips. Returns whether anybody was told."""
	left = json.loads(flips[0].channels_left or "[]")
	channels = left or frappe.get_all(
		"Job Alert Rule Channel", {"parenttype": RULE, "parent": rule}, pluck="channel", order_by="idx"
	)
	deliveries = dispatch.send(message(rule, notice, flips), channels)
	again = [one.channel for one in deliveries if not one.ok and not one.permanent and one.channel]
	tries = max(flip.tries for flip in flips) + 1
	over = not again or tries >= limits.ALERT_TRIES
	values = {
		"tries": tries,
		"outcome": _outcome(deliveries, bool(left)),
		"channels_left": "" if over else json.dumps(again),
		"waiting": int(not over),
		"sent_at": now_datetime(),
		"claimed_at": None,
	}
	frappe.db.set_value(FLIP, {"name": ["in", [f.name for f in flips]]}, values, update_modified=False)
	frappe.db.commit()
	return any(one.ok for one in deliveries)


def _outcome(deliveries: Iterable[dispatch.Delivery], again: bool) -> str:
	lines = [f"{one.channel or '?'}: {one.detail or 'ok' if one.ok else one.error}" for one in deliveries]
	if not lines:
		return _("Nobody: no channel is enabled for this.")
	return "\n".join([_("Tried again:"), *lines] if again else lines)


def message(rule: str, notice: Notice, flips: Sequence[Any]) -> Message:
	"""One message about one alert, or about several of a rule."""
	first, single = flips[0], len(flips) == 1
	title, text = first.title, first.text
	if not single:
		title = _("{0}: {1} alerts").format(rule, len(flips))
		text = "\n".join(_line(flip) for flip in flips[:_LINES])
		if len(flips) > _LINES:
			text += "\n" + _("and {0} more").format(len(flips) - _LINES)
	state = _STATES[notice]
	if state == FIRING and first.kind == "Could Not Ask":
		state = UNKNOWN
	began_at = min(flip.began_at for flip in flips)
	return Message(
		title=title,
		text=text or "",
		severity=CRITICAL if any(flip.severity == "Critical" for flip in flips) else WARNING,
		state=state,
		rule=rule,
		subject=first.subject if single else "",
		site=frappe.local.site,
		since=began_at,
		duration_seconds=_seconds(notice, flips, began_at),
		url=get_url_to_form(ALERT, first.parent) if single else get_url_to_list(ALERT),
		key=first.parent if single else rule,
	)


def _line(flip: Any) -> str:
	return f"• {flip.title}"


def _seconds(notice: Notice, flips: Sequence[Any], began_at: datetime) -> float:
	if notice is Notice.RESOLVED:
		return float(max(flip.seconds or 0 for flip in flips))
	return max(0.0, (now_datetime() - began_at).total_seconds())
