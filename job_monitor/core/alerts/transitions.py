"""When is somebody told? Pure: rules, what is seen now and what was known before, in; transitions out.

An incident is one subject of one rule: ok -> pending -> firing -> resolved. It is pending until it was seen for the
rule's sustain time, and firing until it was not seen for as long; so what flickers is told of once. A rule that could
not ask moves nothing: not seen is not the same as not there. A moment that is still to come was noted by a clock that
was ahead: it counts as now, so that nothing waits until the clock has caught up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from job_monitor.core.findings import Severity


class State(str, Enum):
	"""Of an incident. What is ok has none."""

	PENDING = "Pending"
	FIRING = "Firing"
	RESOLVED = "Resolved"


class Notice(str, Enum):
	"""What people are told about it."""

	NONE = ""
	FIRING = "firing"
	REMINDER = "reminder"
	RESOLVED = "resolved"


@dataclass(frozen=True)
class Rule:
	"""What to look for, and when to tell. Units and meaning of its numbers: `alert_kinds`.

	Attributes:
		queue, subject: Patterns as in the shell, `*` for all; several with commas.
		pending_period: Seconds for which a subject must be seen before its incident fires, and not seen before it is resolved.
		repeat_interval: Seconds between reminders, 0 for none.
		muted_until: Nobody is told before then.
	"""

	name: str
	kind: str
	severity: Severity = Severity.WARNING
	queue: str = "*"
	subject: str = "*"
	threshold: float = 0.0
	minimum: int = 0
	window_minutes: int = 0
	pending_period: float = 0.0
	repeat_interval: float = 0.0
	notify_on_resolve: bool = True
	muted_until: datetime | None = None

	def covers(self, queue: str | None = None, subject: str | None = None) -> bool:
		return (queue is None or matches(self.queue, queue)) and (
			subject is None or matches(self.subject, subject)
		)


@dataclass(frozen=True)
class Sighting:
	"""A subject that is over the rule's threshold now.

	Attributes:
		value: What was measured, in the unit of the rule's threshold.
		warning_only: At most a warning, whatever the rule says.
		context: Whatever the check wants to know of it next time.
	"""

	subject: str
	title: str
	text: str = ""
	value: float = 0.0
	warning_only: bool = False
	context: str = ""


@dataclass(frozen=True)
class Incident:
	"""One subject of one rule, from the first to the last time it was seen.

	Attributes:
		began_at: First seen. `fired_at`: when it had been seen long enough.
		clear_since: Since when it is not seen any more, None while it is.
		notified_at: When people were last told, None if they never were.
	"""

	subject: str
	state: State
	began_at: datetime
	seen_at: datetime
	title: str = ""
	text: str = ""
	value: float = 0.0
	context: str = ""
	severity: Severity = Severity.WARNING
	fired_at: datetime | None = None
	clear_since: datetime | None = None
	resolved_at: datetime | None = None
	notified_at: datetime | None = None
	acknowledged: bool = False
	muted_until: datetime | None = None

	@property
	def seconds(self) -> float:
		"""How long it lasted, as far as it was seen."""
		return max(0.0, ((self.clear_since or self.seen_at) - self.began_at).total_seconds())


MOMENTS = ("began_at", "seen_at", "fired_at", "clear_since", "resolved_at", "notified_at")
"""Of an incident, as the evaluation noted them."""


@dataclass(frozen=True)
class Transition:
	"""What becomes of an incident. `after` is None if it passed before it was worth telling."""

	before: Incident | None
	after: Incident | None
	notice: Notice = Notice.NONE

	@property
	def is_flip(self) -> bool:
		"""Whether its state changes, or somebody is told."""
		states = [incident.state if incident else None for incident in (self.before, self.after)]
		return states[0] is not states[1] or self.notice is not Notice.NONE


def advance(
	rule: Rule, known: Mapping[str, Incident], seen: Iterable[Sighting] | None, now: datetime
) -> list[Transition]:
	"""One evaluation of one rule.

	Args:
		known: Its pending and firing incidents by subject.
		seen: None if nothing can be said.
	"""
	if seen is None:
		return []
	noted = known
	known = {subject: _not_ahead(incident, now) for subject, incident in known.items()}
	sightings = {sighting.subject: sighting for sighting in seen}
	transitions = [
		*(_seen(rule, known.get(subject), sighting, now) for subject, sighting in sightings.items()),
		*_unseen(rule, [known[subject] for subject in known.keys() - sightings.keys()], now),
	]
	return [
		replace(transition, before=noted[transition.before.subject]) if transition.before else transition
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
	return _told(rule, before, after, now)


def _told(rule: Rule, before: Incident | None, after: Incident, now: datetime) -> Transition:
	notice = Notice.NONE
	if after.state is State.FIRING and not is_muted(rule, after, now):
		if after.notified_at is None:
			notice = Notice.FIRING
		elif (
			rule.repeat_interval
			and not after.acknowledged
			and now - after.notified_at >= timedelta(seconds=rule.repeat_interval)
		):
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
		told = before.notified_at is not None and rule.notify_on_resolve and not is_muted(rule, before, now)
		after = replace(after, state=State.RESOLVED, resolved_at=now)
		yield Transition(before, after, Notice.RESOLVED if told else Notice.NONE)


def is_muted(rule: Rule, incident: Incident, now: datetime) -> bool:
	return any(until is not None and now < until for until in (rule.muted_until, incident.muted_until))


def close(known: Iterable[Incident], now: datetime) -> list[Transition]:
	"""What becomes of the incidents of a rule that is gone or off: they end, and nobody is told."""
	return [
		Transition(
			before,
			replace(before, state=State.RESOLVED, resolved_at=now, clear_since=before.clear_since or now)
			if before.state is State.FIRING
			else None,
		)
		for before in known
	]


@lru_cache(maxsize=20_000)
def matches(patterns: str, name: str) -> bool:
	"""Whether a name fits one of the patterns, which stand between commas. No pattern fits every name.

	Remembered, as each rule asks of each method at each look.
	"""
	every = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
	return not every or any(fnmatchcase(name, pattern) for pattern in every)
