"""The state machine of alerts, with a clock of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core.alerts.incidents import Incident, Notice, Sighting, State, Transition
from job_monitor.core.alerts.kinds import DEFAULTS, KINDS
from job_monitor.core.alerts.rules import Rule, matches
from job_monitor.core.alerts.transitions import advance, close
from job_monitor.core.findings import Severity

START = datetime(2026, 11, 24, 3, 0)
RULE = Rule("Queue Age", "Queue Age", Severity.CRITICAL, pending_period=120, repeat_interval=3600)


class Simulation:
	"""Evaluates one rule again and again, and keeps the messages."""

	def __init__(self, rule: Rule = RULE) -> None:
		self.rule = rule
		self.now = START
		self.open: dict[str, Incident] = {}
		self.over: list[Incident] = []
		self.messages: list[tuple[Notice, str]] = []

	def look(self, *subjects: str | Sighting, seconds: float = 60) -> list[Transition]:
		seen = [s if isinstance(s, Sighting) else Sighting(s, f"{s} is old") for s in subjects]
		return self.apply(advance(self.rule, self.open, seen, self.now), seconds)

	def cannot_ask(self, seconds: float = 60) -> list[Transition]:
		return self.apply(advance(self.rule, self.open, None, self.now), seconds)

	def apply(self, transitions: list[Transition], seconds: float = 60) -> list[Transition]:
		for transition in transitions:
			incident = transition.after or transition.before
			assert incident is not None
			self.open.pop(incident.subject, None)
			if transition.notice is not Notice.NONE:
				self.messages.append((transition.notice, incident.subject))
			if transition.after and transition.after.state is State.RESOLVED:
				self.over.append(transition.after)
			elif transition.after:
				self.open[incident.subject] = transition.after
		self.now += timedelta(seconds=seconds)
		return transitions

	def notices(self) -> list[Notice]:
		return [notice for notice, _subject in self.messages]


def test_nothing_is_sent_while_nothing_is_seen():
	run = Simulation()
	for _ in range(5):
		assert run.look() == []
	assert run.messages == []


def test_it_fires_once_after_the_pending_period_and_its_end_has_the_length():
	run = Simulation()
	run.look("long")
	assert run.open["long"].state is State.PENDING
	run.look("long")
	assert run.messages == []
	run.look("long")
	assert run.messages == [(Notice.FIRING, "long")]
	for _ in range(10):
		run.look("long")
	assert len(run.messages) == 1
	for _ in range(3):
		run.look()
	assert run.notices() == [Notice.FIRING, Notice.RESOLVED]
	assert run.over[0].seconds == 13 * 60  # until the first evaluation that did not see it
	assert run.open == {}


def test_a_subject_that_passes_within_the_pending_period_sends_nothing():
	run = Simulation()
	run.look("long")
	run.look("long")
	transition = run.look()[0]
	assert transition.after is None
	assert run.messages == []
	assert run.open == {}


def test_a_subject_that_flickers_fires_once():
	run = Simulation()
	for _ in range(3):
		run.look("long")
	for _ in range(20):
		run.look()
		run.look("long")
	assert run.notices() == [Notice.FIRING]


def test_without_a_pending_period_it_fires_and_is_resolved_at_once():
	run = Simulation(replace(RULE, pending_period=0))
	run.look("long")
	run.look()
	assert run.notices() == [Notice.FIRING, Notice.RESOLVED]


def test_could_not_ask_moves_nothing():
	run = Simulation()
	for _ in range(3):
		run.look("long")
	before = dict(run.open)
	for _ in range(100):
		assert run.cannot_ask() == []
	assert run.open == before
	assert run.notices() == [Notice.FIRING]


def test_reminders_come_in_time_until_somebody_acknowledges():
	run = Simulation()
	for _ in range(3 + 121):
		run.look("long")
	assert run.notices() == [Notice.FIRING, Notice.REMINDER, Notice.REMINDER]
	run.open["long"] = replace(run.open["long"], acknowledged=True)
	for _ in range(300):
		run.look("long")
	assert len(run.messages) == 3
	for _ in range(3):
		run.look()
	assert run.notices()[-1] is Notice.RESOLVED


@pytest.mark.parametrize("of_rule", [True, False])
def test_a_muted_incident_is_silent_and_fires_when_the_mute_ends(of_rule: bool):
	until = START + timedelta(minutes=30)
	run = Simulation(replace(RULE, muted_until=until) if of_rule else RULE)
	run.look("long")
	if not of_rule:
		run.open["long"] = replace(run.open["long"], muted_until=until)
	while run.now < until:
		run.look("long")
	assert run.messages == []
	run.look("long")
	assert run.notices() == [Notice.FIRING]


def test_an_incident_that_never_sent_a_message_ends_without_one():
	run = Simulation(replace(RULE, muted_until=START + timedelta(days=1)))
	for subjects in [("long",)] * 5 + [()] * 5:
		run.look(*subjects)
	assert run.messages == []
	assert run.over[0].state is State.RESOLVED


def test_an_event_ends_without_a_notice():
	run = Simulation(replace(RULE, pending_period=0, notify_on_resolve=False))
	run.look("new failure")
	run.look()
	assert run.notices() == [Notice.FIRING]


def test_a_sighting_that_only_warns_is_a_warning_and_the_text_follows_the_sighting():
	run = Simulation(replace(RULE, pending_period=0))
	run.look(Sighting("site", "dormant", "since May", 1, warning_only=True, context="c"))
	incident = run.open["site"]
	assert (incident.severity, incident.text, incident.context) == (Severity.WARNING, "since May", "c")
	run.look(Sighting("site", "absent", value=7))
	assert run.open["site"].severity is Severity.CRITICAL
	assert (run.open["site"].title, run.open["site"].value) == ("absent", 7)


def test_incidents_of_a_rule_that_is_gone_end_without_a_message():
	run = Simulation()
	for _ in range(3):
		run.look("long")
	run.look("long", "short")
	run.messages.clear()
	run.apply(close(run.open.values(), run.now))
	assert run.open == {}
	assert [incident.subject for incident in run.over] == ["long"]
	assert run.messages == []


def test_a_clock_that_is_set_back_neither_raises_nor_sends_twice():
	run = Simulation()
	for _ in range(4):
		run.look("long")
	run.now -= timedelta(days=1)
	for _ in range(4):
		run.look("long")
	for _ in range(4):
		run.look()
	assert run.notices() == [Notice.FIRING, Notice.RESOLVED]
	assert 0 <= run.over[0].seconds <= 8 * 60


def test_an_incident_that_began_by_a_clock_that_was_ahead_fires_after_its_pending_period():
	run = Simulation()
	run.now += timedelta(hours=10)
	run.look("long")
	run.now -= timedelta(hours=10)
	for _ in range(3):
		run.look("long")
	assert run.notices() == [Notice.FIRING]


def test_a_corrected_moment_is_a_change_to_write_down():
	"""Otherwise each evaluation would correct it anew, and it would never get any older."""
	run = Simulation()
	run.now += timedelta(hours=10)
	run.look("long")
	run.now -= timedelta(hours=10)
	(transition,) = run.look("long")
	assert transition.before and transition.after
	assert transition.before.began_at > transition.after.began_at


def test_reminders_do_not_wait_until_a_clock_has_caught_up():
	run = Simulation()
	run.now += timedelta(days=300)
	for _ in range(3):
		run.look("long")
	run.now -= timedelta(days=300)
	for _ in range(62):
		run.look("long")
	assert run.notices() == [Notice.FIRING, Notice.REMINDER]


def test_an_incident_that_ended_by_a_clock_that_was_ahead_is_resolved_after_its_pending_period():
	run = Simulation()
	for _ in range(3):
		run.look("long")
	run.now += timedelta(hours=10)
	run.look()
	run.now -= timedelta(hours=10)
	for _ in range(3):
		run.look()
	assert run.notices() == [Notice.FIRING, Notice.RESOLVED]


@given(
	st.lists(
		st.tuples(
			st.sets(st.sampled_from(["a", "b", "c"])), st.booleans(), st.booleans(), st.integers(1, 900)
		),
		max_size=60,
	),
	st.sampled_from([0, 60, 300]),
	st.sampled_from([0, 600]),
)
@settings(max_examples=400, deadline=None)
def test_whatever_happens_notices_of_a_subject_alternate(looks, pending_period, repeat_interval):
	"""Fired, reminded any number of times, resolved, fired, …; and never resolved while it is seen."""
	run = Simulation(replace(RULE, pending_period=pending_period, repeat_interval=repeat_interval))
	for subjects, answered, acknowledge, seconds in looks:
		before = len(run.over)
		transitions = run.look(*subjects, seconds=seconds) if answered else run.cannot_ask(seconds)
		assert not {incident.subject for incident in run.over[before:]} & subjects
		assert answered or not transitions
		if acknowledge:
			run.open = {s: replace(i, acknowledged=i.state is State.FIRING) for s, i in run.open.items()}
	for subject in "abc":
		mine = [
			notice for notice, about in run.messages if about == subject and notice is not Notice.REMINDER
		]
		assert mine == [Notice.FIRING, Notice.RESOLVED] * (len(mine) // 2) + [Notice.FIRING] * (len(mine) % 2)
		firing = subject in run.open and run.open[subject].state is State.FIRING
		assert firing == (len(mine) % 2 == 1)
	ended = Counter(incident.subject for incident in run.over)
	assert ended == Counter(subject for notice, subject in run.messages if notice is Notice.RESOLVED)


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 600))
@settings(max_examples=200, deadline=None)
def test_it_fires_only_if_it_was_seen_all_the_time(looks, pending_period):
	run = Simulation(replace(RULE, pending_period=pending_period, repeat_interval=0))
	seen_since = None
	for seen in looks:
		now = run.now
		seen_since = (seen_since or now) if seen else None
		sent = len(run.messages)
		run.look(*(["x"] if seen else []))
		if len(run.messages) > sent and run.messages[-1][0] is Notice.FIRING:
			assert seen_since is not None
			assert (now - seen_since).total_seconds() >= pending_period


def test_patterns():
	assert matches("", "anything")
	assert matches("*", "anything")
	assert matches("short, long*", "long_running")
	assert not matches("short, long*", "default")
	assert Rule("r", "k", queue="short", subject="app.*").covers("short", "app.tasks.run")
	assert not Rule("r", "k", queue="short", subject="app.*").covers("short", "other.run")


def test_the_rules_that_come_with_the_app_cover_every_kind():
	titles = [title for title, _kind, _values in DEFAULTS]
	assert len(titles) == len(set(titles))
	assert {kind for _title, kind, _values in DEFAULTS} == set(KINDS)
	assert KINDS["Error Log Rate"].threshold == 100  # as in the monitoring reference
	assert KINDS["Error Log Rate"].window_minutes == 60
