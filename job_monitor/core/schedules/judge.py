"""Judges schedules, pure: no Redis, no database. The texts are in `messages`."""

from __future__ import annotations

from datetime import datetime, timedelta

from job_monitor.core import clock, limits
from job_monitor.core.schedules import messages
from job_monitor.core.schedules.assessment import Assessment
from job_monitor.core.schedules.health import ScheduleHealth
from job_monitor.core.schedules.placements import Placement
from job_monitor.core.schedules.records import (
	COMPLETE,
	ENABLED,
	FAILURES,
	KILLED,
	OPEN,
	RUNNING,
	Schedule,
	Scheduler,
)

_COPIED = ("name", "method", "frequency", "cron_format", "stopped", "last_run_at", "usual_duration")


def judge(schedule: Schedule, scheduler: Scheduler, now: datetime) -> ScheduleHealth:
	"""The health of one schedule."""
	assessment = _assess(schedule, scheduler, now)
	state = assessment.state()
	message, hint = messages.describe(assessment, state)
	job = schedule.job
	return ScheduleHealth(
		**{name: getattr(schedule, name) for name in _COPIED},
		state=state,
		last_outcome=assessment.outcome,
		last_duration=_last_duration(schedule),
		next_due_at=schedule.due[0] if schedule.due and not schedule.stopped else None,
		overdue_seconds=assessment.overdue,
		missed_runs=assessment.missed,
		blocked_by=job.id if job and job.place is Placement.ZOMBIE else "",
		never_ran=schedule.last_run_at is None,
		job_id=job.id if job and job.place is not Placement.NONE else "",
		job_is_active=assessment.place in (Placement.WAITING, Placement.RUNNING),
		enqueued_at=job.since if job else None,
		failures=assessment.failures,
		ahead_seconds=assessment.ahead,
		message=message,
		hint=hint,
	)


def _assess(schedule: Schedule, scheduler: Scheduler, now: datetime) -> Assessment:
	works = scheduler.state == ENABLED and not schedule.stopped
	outcome = _outcome(schedule, now)
	return Assessment(
		schedule,
		scheduler,
		now,
		outcome=outcome,
		overdue=(clock.seconds_between(schedule.due[0], now) or 0.0) if works and schedule.due else 0.0,
		missed=missed_runs(schedule, scheduler.tick_seconds, now) if works else 0,
		failures=_failures(schedule, outcome),
	)


def missed_runs(schedule: Schedule, tick_seconds: float, now: datetime) -> int:
	"""Number of runs that were due, each by more than the grace.

	The grace is two ticks of the scheduler or a tenth of the time between two runs, whichever is longer.
	"""
	due = schedule.due
	if not due:
		return 0
	period = (due[1] - due[0]).total_seconds() if len(due) > 1 else 0.0
	grace = timedelta(seconds=max(2 * tick_seconds, period / 10) + schedule.slack_seconds)
	passed = sum(moment + grace < now for moment in due)
	if passed == len(due) > 1:  # more runs were due than are listed
		gap = (due[-1] - due[0]) / (len(due) - 1)
		passed += int((now - grace - due[-1]) / gap) if gap else 0
	return passed


def _outcome(schedule: Schedule, now: datetime) -> str:
	job, run, last = schedule.job, schedule.run, schedule.last_run_at
	if job and job.place is Placement.RUNNING:
		return RUNNING
	if last is None:
		return ""
	after = last - timedelta(seconds=limits.SCHEDULE_LOG_LAG_SECONDS)
	died = job is not None and job.status == "failed" and job.ended_at is not None and job.ended_at >= after
	if run is not None and run.at >= after:
		return KILLED if died and run.status in OPEN else run.status
	if died:
		return KILLED
	# Without a log only failures leave a row; rows are cleared after some days
	recent = now - last < timedelta(days=limits.SCHEDULE_LOG_DAYS)
	return COMPLETE if not schedule.keeps_log and recent else ""


def _failures(schedule: Schedule, outcome: str) -> int:
	if outcome in FAILURES:
		return max(schedule.failures, 1)
	# A schedule that runs at last is not well before the run has ended; without a log a success in between is unknown
	return schedule.failures if outcome == RUNNING and schedule.keeps_log else 0


def _last_duration(schedule: Schedule) -> float | None:
	job, run, last = schedule.job, schedule.run, schedule.last_run_at
	if last is None:
		return None
	if run is not None and run.at >= last - timedelta(seconds=limits.SCHEDULE_LOG_LAG_SECONDS):
		return run.duration
	if job is not None and job.ended_at is not None and job.ended_at >= last:
		return clock.seconds_between(job.started_at, job.ended_at)
	return None
