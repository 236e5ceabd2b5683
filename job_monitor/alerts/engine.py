"""One evaluation: ask, decide, write down, tell. Called by the scheduler, by `check` and by `watch`.

A lease lets one of them ask at a time. What is decided is decided under the lock of the engine's own row, so that it
stays right even if a lease ran out; and notices are claimed one by one.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

from job_monitor.alerts import checks, incidents, notices
from job_monitor.alerts.facts import Facts
from job_monitor.bridge import state
from job_monitor.core import limits
from job_monitor.core.alerting import Rule, Sighting, close, step
from job_monitor.notify.message import DeliveryError
from job_monitor.notify.post import Request, post

STATE = "alerts"
LEASE = "alerts lease"

COULD_NOT_ASK = "Could Not Ask"

LATE_SECONDS = 900
"""A scheduler looks every minute (Frappe 15) or every four (16): after this long the alerts are not looked at."""

Seen = Mapping[str, Sequence[Sighting] | None]


@dataclass(frozen=True)
class Evaluation:
	"""What came of a look at the rules of a site.

	Attributes:
		at: In the site's time zone. `by`: scheduler, check, watch or a user.
		problems: What could not be asked, by source.
		seconds: Time the look took, without telling.
		skipped: Why nothing was looked at, "" if something was.
		heartbeat: How the dead-man ping went, "" if there is none.
	"""

	at: datetime
	by: str
	rules: int = 0
	problems: dict[str, str] = field(default_factory=dict)
	seconds: float = 0.0
	skipped: str = ""
	notices: int = 0
	undelivered: int = 0
	heartbeat: str = ""


def evaluate(by: str, kinds: Collection[str] = ()) -> Evaluation:
	"""Look at the rules once, write down what changed, and tell. Commits.

	Args:
		kinds: Only rules of these kinds; the others stay as they are.
	"""
	owner = f"{socket.gethostname()}:{os.getpid()}:{frappe.generate_hash(length=6)}"
	if not state.acquire_lease(LEASE, limits.ALERT_LEASE_SECONDS, owner):
		return Evaluation(now_datetime(), by, skipped="another process is at it")
	try:
		evaluation = _evaluate(by, kinds)
	finally:
		frappe.db.rollback()
		state.release_lease(LEASE, owner)
	sent = notices.send_waiting()
	told = {"notices": sent.notices, "undelivered": sent.undelivered}
	evaluation = Evaluation(**{**vars(evaluation), **told})
	return evaluation if kinds else Evaluation(**{**vars(evaluation), "heartbeat": _heartbeat(evaluation)})


def _evaluate(by: str, kinds: Collection[str]) -> Evaluation:
	started = time.monotonic()
	now = now_datetime()
	facts = Facts(now, last().get("at"))
	rules = [rule for rule in incidents.rules() if not kinds or rule.kind in kinds]
	problems: dict[str, str] = {}
	seen = look(rules, facts, problems)
	skipped = "" if _write(rules, seen, now, by, not kinds) else "another process was faster"
	evaluation = Evaluation(now, by, len(rules), problems, skipped=skipped)
	if not kinds and not skipped:
		kept = {name: getattr(evaluation, name) for name in ("at", "by", "rules", "problems")}
		kept["seconds"] = round(time.monotonic() - started, 4)
		state.put(STATE, json.dumps(kept, default=str))
	frappe.db.commit()
	return Evaluation(now, by, len(rules), problems, time.monotonic() - started, skipped)


def look(rules: Sequence[Rule], facts: Facts, problems: dict[str, str]) -> dict[str, Any]:
	"""What each rule sees now, by its name; None for one that cannot say."""
	known, _names = incidents.read_open()
	seen: dict[str, Any] = {}
	for rule in rules:
		if rule.kind != COULD_NOT_ASK:
			seen[rule.name] = _bounded(checks.look(rule, facts, known[rule.name], problems), known[rule.name])
	for rule in rules:
		if rule.kind == COULD_NOT_ASK:
			seen[rule.name] = _bounded(list(checks.could_not_ask(problems)), {})
	return seen


def _bounded(seen: list[Sighting] | None, known: Mapping[str, Any]) -> list[Sighting] | None:
	"""Not more subjects than are followed, those first that are known; texts as long as their columns."""
	if seen is None:
		return None
	kept = sorted(seen, key=lambda sighting: sighting.subject[:255] not in known)[: limits.ALERT_SUBJECTS]
	more = len(seen) - len(kept)
	note = f"\n({more:,} more like this are not followed.)" if more else ""
	return [
		Sighting(one.subject[:255], one.title[:255], one.text + note, one.value, one.mild, one.context)
		for one in kept
	]


def _write(rules: Sequence[Rule], seen: Seen, now: datetime, by: str, whole: bool) -> bool:
	"""Decide and write down. False if a later look was written down meanwhile."""
	kept = _parse(state.lock(STATE))
	if kept and kept["at"] > now:
		return False
	known, names = incidents.read_open()
	for rule in rules:
		incidents.write(rule.name, step(rule, known.pop(rule.name, {}), seen[rule.name], now), names, now, by)
	if whole:  # incidents of rules that are gone, off, or told by another site
		for name, orphans in known.items():
			incidents.write(name, close(orphans.values(), now), names, now, by)
	return True


def last() -> dict[str, Any]:
	"""The last evaluation: at, by, rules, problems, seconds. Empty if there was none."""
	return _parse(state.get(STATE))


def _parse(text: str | None) -> dict[str, Any]:
	kept = json.loads(text) if text else {}
	if kept:
		kept["at"] = get_datetime(kept["at"])
	return kept


def _heartbeat(evaluation: Evaluation) -> str:
	"""Tell the outside that all is well with the monitor: the rules were looked at, and what was to be told was."""
	settings = frappe.get_cached_doc("Job Monitor Settings")
	url = settings.get_password("heartbeat_url", raise_exception=False)
	if not url or evaluation.skipped:
		return ""
	if evaluation.problems or evaluation.undelivered:
		return "not sent: not all is well"
	private = bool(frappe.conf.get("job_monitor_private_webhooks"))
	try:
		return post(Request(url, b"{}", {}, private=private, tries=1))
	except DeliveryError as error:
		frappe.logger("job_monitor").error(f"heartbeat: {error}")
		return f"failed: {error}"
