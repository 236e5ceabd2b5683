"""One evaluation of the rules: read, decide, write down, send. Called by the scheduler, by `check` and by `watch`.

A lease lets one process evaluate at a time. Transitions are decided under the lock of the engine's own row, so that they
stay right even if a lease ran out: evaluations are numbered, and an evaluation that began before another was written
down is dropped. No clock decides about that. Notices are claimed one by one.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe import _

from job_monitor.alerts import checks, outbox, store
from job_monitor.alerts.sources import Sources
from job_monitor.bridge.database import transactions
from job_monitor.bridge.site import live_site, state
from job_monitor.bridge.timezones import to_utc
from job_monitor.bridge.wording import language_of_site
from job_monitor.core import clock, limits
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.kinds import KINDS
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.alerts.transitions import advance, close
from job_monitor.notify.http_post import Request, post
from job_monitor.notify.message import DeliveryError

SETTINGS = "Job Monitor Settings"

STATE = "alerts"
LEASE = "alerts lease"

LATE_SECONDS = 900
"""Frappe's scheduler evaluates the rules every minute (Frappe 15) or every four (16); after this long nobody does."""

Seen = Mapping[str, Sequence[Sighting] | None]


@dataclass(frozen=True)
class Evaluation:
	"""Outcome of an evaluation of a site's rules.

	Attributes:
		at: In UTC. `by`: scheduler, check, watch or a user.
		problems: Why a source gave no answer, by source.
		seconds: Time the evaluation took, without sending.
		skipped: Why no rule was evaluated, "" if they were.
		heartbeat: Outcome of the ping, "" if there is no heartbeat URL.
		withheld: Why no notice is sent, "" if notices are.
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
	withheld: str = ""


def evaluate(by: str, kinds: Collection[str] = ()) -> Evaluation:
	"""Evaluate the rules once, write down what changed, and send the notices. Commits.

	Args:
		kinds: Only rules of these kinds; the others stay as they are.
	"""
	owner = f"{socket.gethostname()}:{os.getpid()}:{frappe.generate_hash(length=6)}"
	if not state.acquire_lease(LEASE, limits.ALERT_LEASE_SECONDS, owner):
		return Evaluation(clock.now(), by, skipped=_("another process is at it"))
	with language_of_site():
		try:
			evaluation = _evaluate(by, kinds)
		finally:
			transactions.begin_anew()
			state.release_lease(LEASE, owner)
		sent = outbox.send_waiting()
	evaluation = replace(evaluation, notices=sent.notices, undelivered=sent.undelivered)
	return evaluation if kinds else replace(evaluation, heartbeat=_heartbeat(evaluation))


def _evaluate(by: str, kinds: Collection[str]) -> Evaluation:
	started = time.monotonic()
	now, before = clock.now(), last()
	rules = [rule for rule in store.rules() if not kinds or rule.kind in kinds]
	withheld = "" if live_site.may_notify() else _("nobody has said that this is the live site")
	if withheld:
		rules = [replace(rule, muted_until=now + timedelta(days=1)) for rule in rules]
	sources = Sources(now, before.get("at"), windows(rules))
	seen, problems = look(rules, sources), sources.problems
	if not _write(rules, seen, now, by, not kinds, before.get("number", 0)):
		return Evaluation(now, by, len(rules), problems, skipped=_("another process was faster"))
	seconds = time.monotonic() - started
	kept = before | {"number": before.get("number", 0) + 1}
	if not kinds:
		kept |= {"at": now, "by": by, "rules": len(rules), "problems": problems, "seconds": round(seconds, 4)}
	state.put(STATE, json.dumps(kept, default=str))
	frappe.db.commit()
	return Evaluation(now, by, len(rules), problems, seconds, withheld=withheld)


def windows(rules: Sequence[Rule]) -> set[int]:
	"""Over how many minutes these rules count runs."""
	return {rule.window_minutes for rule in rules if KINDS[rule.kind].counts_runs}


def look(rules: Sequence[Rule], sources: Sources) -> dict[str, Any]:
	"""What each rule sees now, by the rule's name; None for a rule whose sources gave no answer."""
	known, _names = store.read_open()
	return {
		rule.name: _bounded(checks.look(rule, sources, known[rule.name]), known[rule.name])
		for rule in sorted(rules, key=lambda rule: KINDS[rule.kind].about_unknown)
	}


def _bounded(seen: list[Sighting] | None, known: Mapping[str, Any]) -> list[Sighting] | None:
	"""At most as many subjects as are followed, known ones first; texts cut to their columns."""
	if seen is None:
		return None
	kept = sorted(seen, key=lambda sighting: sighting.subject[:255] not in known)[: limits.ALERT_SUBJECTS]
	more = len(seen) - len(kept)
	note = "\n" + _("{0} more like this are not followed.").format(f"{more:,}") if more else ""
	return [
		replace(
			sighting, subject=sighting.subject[:255], title=sighting.title[:255], text=sighting.text + note
		)
		for sighting in kept
	]


def _write(rules: Sequence[Rule], seen: Seen, now: datetime, by: str, whole: bool, number: int) -> bool:
	"""Decide and write down. False if another evaluation was written down since this one began, at `number`."""
	if _parse(state.lock(STATE)).get("number", 0) != number:
		return False
	known, names = store.read_open()
	for rule in rules:
		store.write(rule.name, advance(rule, known.pop(rule.name, {}), seen[rule.name], now), names, now, by)
	if whole:  # incidents of rules that are gone, disabled, or evaluated by another site
		for name, orphans in known.items():
			store.write(name, close(orphans.values(), now), names, now, by)
	return True


def last() -> dict[str, Any]:
	"""The last evaluation: at (in UTC), by, rules, problems, seconds, and its number. Empty if there was none."""
	return _parse(state.get(STATE))


def _parse(text: str | None) -> dict[str, Any]:
	kept: dict[str, Any] = json.loads(text) if text else {}
	if "at" in kept:
		at = datetime.fromisoformat(kept["at"])
		kept["at"] = at if at.tzinfo else to_utc(at)  # of an older release
	return kept


def is_late(at: datetime | None) -> bool:
	"""Whether the last evaluation is too long ago. One in the future was noted by a clock that was ahead, and is late, too."""
	return at is None or not -60 <= (clock.now() - at).total_seconds() <= LATE_SECONDS


def _heartbeat(evaluation: Evaluation) -> str:
	"""Ping the heartbeat URL if the monitor works: all rules were evaluated, and all notices were sent."""
	if evaluation.skipped or not _has_heartbeat():
		return ""
	url = frappe.get_cached_doc(SETTINGS).get_password("heartbeat_url", raise_exception=False)
	if not url:
		return ""
	if evaluation.withheld:
		return _("not sent: {0}").format(evaluation.withheld)
	if evaluation.problems or evaluation.undelivered:
		return _("not sent: not all is well")
	private = bool(frappe.conf.get("job_monitor_private_webhooks"))
	try:
		return post(Request(url, b"{}", {}, private=private, tries=1))
	except DeliveryError as error:
		frappe.logger("job_monitor").error(f"heartbeat: {error}")
		return _("failed: {0}").format(error)


def _has_heartbeat() -> bool:
	"""Read before the document is: see `bridge.site.state`."""
	query = "select 1 from `__Auth` where doctype = %s and name = %s and fieldname = 'heartbeat_url'"
	return bool(frappe.db.sql(query, (SETTINGS, SETTINGS)))
