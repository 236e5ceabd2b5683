"""Schedules judged, with a clock of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.findings import Severity
from job_monitor.core.schedules import judge
from job_monitor.core.schedules.findings import all_ahead
from job_monitor.core.schedules.findings import findings as schedule_findings
from job_monitor.core.schedules.health import STATES
from job_monitor.core.schedules.judge import missed_runs
from job_monitor.core.schedules.messages import of_scheduler
from job_monitor.core.schedules.placements import Placement, ScheduleJob
from job_monitor.core.schedules.records import Schedule, ScheduledRun, Scheduler

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
RUNS = Scheduler("enabled", 60.0, "s.localhost")


def hourly(last: timedelta, **values: object) -> Schedule:
	"""One that last ran so long ago, and is due each hour after that."""
	last_run_at = NOW - last
	due = [last_run_at + HOUR]
	while due[-1] <= NOW and len(due) < limits.SCHEDULE_DUE:
		due.append(due[-1] + HOUR)
	return Schedule("app.run", "app.tasks.run", "Hourly", last_run_at=last_run_at, due=tuple(due), **values)  # type: ignore[arg-type]


def job(place: Placement, **values: object) -> ScheduleJob:
	return ScheduleJob("s||scheduled_job||1", "queued", place, "default", since=NOW - HOUR, **values)  # type: ignore[arg-type]


def test_a_schedule_that_ran_when_it_was_due_is_ok():
	run = ScheduledRun("Complete", NOW - timedelta(minutes=10), 4.0)
	health = judge.judge(hourly(timedelta(minutes=10), run=run, usual_duration=3.0), RUNS, NOW)
	assert (health.state, health.missed_runs, health.overdue_seconds) == ("ok", 0, 0.0)
	assert (health.last_outcome, health.last_duration, health.usual_duration) == ("Complete", 4.0, 3.0)
	assert health.message == health.hint == ""


@pytest.mark.parametrize(
	("late", "missed"),
	[(timedelta(minutes=5), 0), (timedelta(minutes=7), 1), (HOUR, 1), (5 * HOUR + timedelta(minutes=7), 6)],
)
def test_a_run_is_missed_after_a_tenth_of_its_period(late: timedelta, missed: int):
	assert judge.judge(hourly(HOUR + late), RUNS, NOW).missed_runs == missed


@pytest.mark.parametrize(("tick", "missed"), [(60.0, 1), (240.0, 0)])
def test_two_ticks_are_the_least_grace(tick: float, missed: int):
	due = (NOW - timedelta(minutes=5), NOW + timedelta(minutes=5))
	every_ten_minutes = Schedule("a", "a", last_run_at=NOW - timedelta(minutes=15), due=due)
	assert missed_runs(every_ten_minutes, tick, NOW) == missed


def test_a_delay_by_chance_is_no_miss():
	schedule = hourly(HOUR + timedelta(minutes=10))
	assert judge.judge(schedule, RUNS, NOW).state == "missed"
	assert judge.judge(replace(schedule, slack_seconds=600.0), RUNS, NOW).state == "ok"


def test_thousands_of_missed_runs_are_counted_without_listing_them():
	due = tuple(NOW - timedelta(days=10) + n * timedelta(minutes=1) for n in range(limits.SCHEDULE_DUE))
	missed = missed_runs(Schedule("a", "a", last_run_at=due[0], due=due), 60.0, NOW)
	assert abs(missed - 10 * 24 * 60) <= 3


def test_a_scheduler_that_is_off_is_the_cause():
	for state in ("disabled", "paused", "maintenance", "dormant"):
		health = judge.judge(hourly(9 * HOUR), replace(RUNS, state=state), NOW)
		assert (health.state, health.missed_runs, health.overdue_seconds) == ("paused", 0, 0.0)
		assert health.message == f"{of_scheduler(state, RUNS.site)[0]}." and state in health.message
		assert health.hint == of_scheduler(state, RUNS.site)[1]


def test_a_schedulers_hint_is_safe_to_paste():
	assert "bench --site 'a; b' scheduler resume" in of_scheduler("paused", "a; b")[1]


def test_stopped_by_hand_is_no_trouble():
	assert judge.judge(hourly(9 * HOUR, stopped=True), RUNS, NOW).state == "stopped"


def test_blocked_by_a_zombie():
	health = judge.judge(
		hourly(9 * HOUR, job=job(Placement.ZOMBIE, reason="its job is in no queue")), RUNS, NOW
	)
	assert (health.state, health.blocked_by) == ("blocked", "s||scheduled_job||1")
	assert "missed 8 runs" in health.message
	assert "Release" in health.hint


@pytest.mark.parametrize(
	("place", "late", "state"),
	[
		(Placement.WAITING, timedelta(minutes=30), "overdue"),
		(Placement.WAITING, 3 * HOUR, "missed"),
		(Placement.RUNNING, 3 * HOUR, "overdue"),
		(Placement.UNKNOWN, 3 * HOUR, "missed"),
		(Placement.ENDED, 3 * HOUR, "missed"),
	],
)
def test_a_job_that_is_on_its_way(place: Placement, late: timedelta, state: str):
	assert judge.judge(hourly(HOUR + late, job=job(place)), RUNS, NOW).state == state


def test_a_queue_that_nobody_serves_is_named():
	health = judge.judge(hourly(HOUR + timedelta(minutes=30), job=job(Placement.WAITING)), RUNS, NOW)
	assert "queue default, which no worker serves" in health.message
	assert health.hint == "Start one: bench worker --queue default"
	odd = judge.judge(
		hourly(HOUR + timedelta(minutes=30), job=replace(job(Placement.WAITING), queue="a; rm b")), RUNS, NOW
	)
	assert odd.hint == "Start one: bench worker --queue 'a; rm b'"


def test_failures_in_a_row():
	run = ScheduledRun("Failed", NOW - timedelta(minutes=10), 4.0, "ValueError: no such invoice")
	health = judge.judge(hourly(timedelta(minutes=10), run=run, failures=3), RUNS, NOW)
	assert (health.state, health.failures) == ("failing", 3)
	assert "Its last 3 runs failed: ValueError: no such invoice" in health.message


def test_a_schedule_whose_process_was_killed_fails():
	died = replace(job(Placement.ENDED), status="failed", ended_at=NOW - timedelta(minutes=9))
	run = ScheduledRun("Running", NOW - timedelta(minutes=10))
	health = judge.judge(hourly(timedelta(minutes=10), run=run, job=died), RUNS, NOW)
	assert (health.state, health.last_outcome) == ("failing", "Killed")
	assert "was killed" in health.message


def test_a_failure_is_not_over_before_the_next_run_has_ended():
	run = ScheduledRun("Running", NOW - timedelta(minutes=1))
	health = judge.judge(
		hourly(timedelta(minutes=1), run=run, failures=2, job=job(Placement.RUNNING)), RUNS, NOW
	)
	assert (health.state, health.last_outcome, health.failures) == ("failing", "Running", 2)


def test_no_time_at_which_it_should_run():
	health = judge.judge(Schedule("a", "a", problem="There is no time at which it should run: x."), RUNS, NOW)
	assert health.state == "missed"
	assert "cron format" in health.hint


def test_a_schedule_that_was_created_in_the_future_is_missed():
	made = Schedule("a", "app.run", created_at=NOW + 10 * HOUR, due=(NOW + 11 * HOUR,))
	health = judge.judge(made, RUNS, NOW)
	assert health.state == "missed" and health.never_ran
	assert "10 h in the future" in health.message and "time zone" in health.message and health.hint
	assert [finding.code for finding in schedule_findings([health])] == ["missed-schedule"]
	assert judge.judge(replace(made, created_at=NOW - HOUR), RUNS, NOW).state == "never ran"
	assert judge.judge(replace(made, last_run_at=NOW - HOUR), RUNS, NOW).state == "ok"


def test_a_run_that_is_skipped_is_nothing_wrong():
	skipped = Schedule("a", "app.run", last_run_at=NOW + HOUR, due=(NOW + 2 * HOUR,), is_skipped=True)
	health = judge.judge(skipped, RUNS, NOW)
	assert health.state == "ok" and "skipped" in health.message
	assert judge.judge(replace(skipped, is_skipped=False), RUNS, NOW).state == "missed"


def test_a_schedule_whose_last_run_is_in_the_future_is_missed():
	health = judge.judge(hourly(-5 * HOUR), RUNS, NOW)
	assert health.state == "missed"
	assert "in the future" in health.message


def test_all_that_lie_in_the_future_are_one_finding():
	made = [
		Schedule(
			f"s{n}", f"app.of_a_long_name.method_{n}", created_at=NOW + HOUR * 5.5, due=(NOW + 6 * HOUR,)
		)
		for n in range(43)
	]
	late = judge.judge(hourly(9 * HOUR), RUNS, NOW)
	found = list(schedule_findings([late, *(judge.judge(schedule, RUNS, NOW) for schedule in made)]))
	assert [finding.code for finding in found] == ["schedules-ahead", "missed-schedule"]
	assert "43 schedules" in found[0].message and "5.5 h in the future" in found[0].message
	assert " and " in found[0].message and found[0].message.endswith(" more.")
	assert found[0].severity is Severity.WARNING and found[1].severity is Severity.CRITICAL
	years = [
		judge.judge(replace(schedule, created_at=NOW + timedelta(days=900)), RUNS, NOW) for schedule in made
	]
	assert all_ahead(years).severity is Severity.CRITICAL  # type: ignore[union-attr]


def test_findings_name_the_worst_and_count_the_rest():
	healths = [judge.judge(replace(hourly(9 * HOUR), name=f"a{n}"), RUNS, NOW) for n in range(12)]
	findings = list(schedule_findings(healths))
	assert len(findings) == limits.SCHEDULES_NAMED + 1
	assert "7 more schedules are missed" in findings[-1].message


def test_a_long_list_of_schedules_is_cut_between_names_and_says_so():
	methods = [f"app.module.of_a_long_path_{n:02}.task" for n in range(36)]
	healths = [judge.judge(replace(hourly(9 * HOUR), name=m, method=m), RUNS, NOW) for m in methods]
	message = list(schedule_findings(healths))[-1].message
	names, more = message.removeprefix("31 more schedules are missed: ").removesuffix(" more.").split(" and ")
	assert set(names.split(", ")) <= set(methods) and int(more) + len(names.split(", ")) == 31


@given(
	st.integers(-(10**6), 10**7),
	st.sampled_from(Placement),
	st.sampled_from(["enabled", "disabled", "dormant"]),
	st.sampled_from(["", "Complete", "Failed", "Killed", "Running", "Start"]),
	st.integers(0, 12),
	st.booleans(),
	st.integers(60, 10**6),
)
@settings(max_examples=500, deadline=None)
def test_whatever_is_known_it_is_judged(ago, place, state, status, failures, stopped, period):
	last = NOW - timedelta(seconds=ago)
	due = tuple(last + n * timedelta(seconds=period) for n in range(1, 5))
	schedule = Schedule(
		"a",
		"a",
		stopped=stopped,
		last_run_at=last,
		due=due,
		run=ScheduledRun(status, last, 1.0) if status else None,
		failures=failures,
		job=job(place),
	)
	health = judge.judge(schedule, Scheduler(state), NOW)
	assert health.state in STATES
	assert (health.state == "stopped") == stopped
	assert (health.state == "ok") <= (
		health.missed_runs == 0 and health.failures == 0 and not health.blocked_by
	)
	assert health.missed_runs == 0 or (state == "enabled" and not stopped and health.overdue_seconds > 0)
	assert bool(health.message) or health.state in ("ok", "never ran")
