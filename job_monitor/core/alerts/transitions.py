"""The state machine of alerts, pure: rules, sightings and known incidents in, transitions out.

An incident is one subject of one rule: clear -> pending -> firing -> resolved. It is pending until it was seen for the
rule's pending period, and firing until it was clear for as long, so a subject that flickers is one incident. A rule that
could not ask moves nothing: not seen is not the same as not there. A moment in the future was set by a clock that was
ahead: it counts as now, so that nothing waits until the clock has caught up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from job_monitor.core.alerts.incidents import MOMENTS, Incident, Notice, Sighting, State, Transition
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.findings import Severity


def advance(
	rule: Rule, known: Mapping[str, Incident], seen: Iterable[Sighting] | None, now: datetime
) -> list[Transition]:
	"""Transitions of one evaluation of one rule.

	Args:
		known: Its pending and firing incidents by subject.
		seen: None if the check could not ask.
	"""
	if seen is None:
		return []
	stored = known
	known = {subject: _not_ahead(incident, now) for subject, incident in known.items()}
	sightings = {sighting.subject: sighting for sighting in seen}
	transitions = [
		*(_seen(rule, known.get(subject), sighting, now) for subject, sighting in sightings.items()),
		*_unseen(rule, [known[subject] for subject in known.keys() - sightings.keys()], now),
	]
	return [
		replace(transition, before=stored[transition.before.subject]) if transition.before else transition
		for transition in transitions
	]


def _not_ahead(incident: Incident, now: datetime) -> Incident:
	late: dict[str, Any] = {name: now for name in MOMENTS if (getattr(incident, name) or now) > now}
	return replace(incident, **late)


def _seen(rule: Rule, before: Incident | None, sighting: Sighting, now: datetime) -> Transition:
	known = before or Incident(sighting.subject, State.PENDING, now, now)
	after = replace(
		known,
		seen_at=now,
		clear_since=None,
		title=sighting.title,
		text=sighting.text,
		value=sighting.value,
		context=sighting.context,
		severity=Severity.WARNING if sighting.warning_only else rule.severity,
	)
	if after.state is State.PENDING and now - after.began_at >= timedelta(seconds=rule.pending_period):
		after = replace(after, state=State.FIRING, fired_at=now)
	return _notified(rule, before, after, now)


def _notified(rule: Rule, before: Incident | None, after: Incident, now: datetime) -> Transition:
	notice = Notice.NONE
	if after.state is State.FIRING and not is_muted(rule, after, now):
		repeat = timedelta(seconds=rule.repeat_interval)
		if after.notified_at is None:
			notice = Notice.FIRING
		elif repeat and not after.acknowledged and now - after.notified_at >= repeat:
			notice = Notice.REMINDER
	if notice is not Notice.NONE:
		after = replace(after, notified_at=now)
	return Transition(before, after, notice)


def _unseen(rule: Rule, incidents: Iterable[Incident], now: datetime) -> Iterator[Transition]:
	for before in incidents:
		if before.state is State.PENDING:
			yield Transition(before, None)
			continue
		clear_since = before.clear_since or now
		after = replace(before, clear_since=clear_since)
		if now - clear_since < timedelta(seconds=rule.pending_period):
			yield Transition(before, after)
			continue
		sends = before.notified_at is not None and rule.notify_on_resolve and not is_muted(rule, before, now)
		after = replace(after, state=State.RESOLVED, resolved_at=now)
		yield Transition(before, after, Notice.RESOLVED if sends else Notice.NONE)


def is_muted(rule: Rule, incident: Incident, now: datetime) -> bool:
	"""Whether the rule or the incident is muted."""
	return any(until is not None and now < until for until in (rule.muted_until, incident.muted_until))


def close(known: Iterable[Incident], now: datetime) -> list[Transition]:
	"""Transitions of the incidents of a rule that is deleted or disabled: they end without a message."""
	return [
		Transition(
			before,
			replace(before, state=State.RESOLVED, resolved_at=now, clear_since=before.clear_since or now)
			if before.state is State.FIRING
			else None,
		)
		for before in known
	]
