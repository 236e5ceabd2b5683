"""Judges schedules: pure, no Redis, no database. What is said about them is in `messages`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from job_monitor.core import clock, limits
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.schedules import messages
from job_monitor.core.schedules.records import (
	COMPLETE,
	ENABLED,
	FAILURES,
	KILLED,
	OPEN,
	RUNNING,
	Assessment,
	Schedule,
	Scheduler,
)
from job_monitor.core.schedules.schedule_jobs import Placement
from job_monitor.core.wording import say

STATES = ("blocked", "missed", "failing", "overdue", "never ran", "paused", "stopped", "ok")
"""Worst first. `overdue`: late, but its job waits or runs; `paused`: due, but the site's scheduler is off."""

PROBLEMS = STATES[:4]


@dataclass(frozen=True)
class ScheduleHealth:
	"""One schedule, judged.

	Attributes:
		state: One of `STATES`.
		last_outcome: Complete, Failed, Killed, Stopped, Running, or "" if unknown.
		last_duration: Seconds of the last run that ended, None if unknown.
		usual_duration: Median seconds of its last runs, None for fewer than three.
		missed_runs: Times it should have run since, each more than the grace ago. 0 while the scheduler is off.
		blocked_by: Id of the zombie that holds its place, "" if none does.
		job_id: Id of its job on Redis, "" if there is none.
		job_is_held: Whether that job waits or runs.
		enqueued_at: When it was enqueued or, if it has started, started; None if there is none.
		failures: Failed runs in a row.
		ahead_seconds: How far its last run, or its making, lies in the future, so that it is not due before; else 0.
		message: What is wrong, "" if nothing is.
		hint: What to do.
	"""

	name: str
	method: str
	frequency: str
	cron_format: str
	stopped: bool
	state: str
	last_run_at: datetime | None
	last_outcome: str
	last_duration: float | None
	usual_duration: float | None
	next_due_at: datetime | None
	overdue_seconds: float
	missed_runs: int
	blocked_by: str
	never_ran: bool
	job_id: str
	job_is_held: bool
	enqueued_at: datetime | None
	failures: int
	ahead_seconds: float
	message: str
	hint: str

	@property
	def label(self) -> str:
		"""Name of its state, as lists show it."""
		return messages.label(self.state, self.missed_runs)


def judge(schedule: Schedule, scheduler: Scheduler, now: datetime) -> ScheduleHealth:
	"""State of one schedule, and what to say about it."""
	case = _case(schedule, scheduler, now)
	state = case.state()
	message, hint = messages.tell(case, state)
	job = schedule.job
	return ScheduleHealth(
		**{name: getattr(schedule, name) for name in _AS_IT_IS},
		state=state,
		last_outcome=case.outcome,
		last_duration=_last_duration(schedule),
		next_due_at=schedule.due[0] if schedule.due and not schedule.stopped else None,
		overdue_seconds=case.overdue,
		missed_runs=case.missed,
		blocked_by=job.id if job and job.place is Placement.ZOMBIE else "",
		never_ran=schedule.last_run_at is None,
		job_id=job.id if job and job.place is not Placement.NONE else "",
		job_is_held=case.place in (Placement.WAITING, Placement.RUNNING),
		enqueued_at=job.since if job else None,
		failures=case.failures,
		ahead_seconds=case.ahead,
		message=message,
		hint=hint,
	)


def _case(schedule: Schedule, scheduler: Scheduler, now: datetime) -> Assessment:
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


_AS_IT_IS = ("name", "method", "frequency", "cron_format", "stopped", "last_run_at", "usual_duration")


def missed_runs(schedule: Schedule, tick_seconds: float, now: datetime) -> int:
	"""Times at which it should have run, each more than the grace ago.

	The grace is two ticks of the scheduler or a tenth of the time between two runs, whichever is longer.
	"""
	due = schedule.due
	if not due:
		return 0
	period = (due[1] - due[0]).total_seconds() if len(due) > 1 else 0.0
	grace = timedelta(seconds=max(2 * tick_seconds, period / 10) + schedule.slack_seconds)
	passed = sum(moment + grace < now for moment in due)
	if passed == len(due) > 1:  # there were more of them than are listed
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
	# One that runs at last is not well before it has ended; without a log nobody knows of a success in between
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


# All schedules of a site

_CODES = {"blocked": "blocked-schedule", "missed": "missed-schedule", "failing": "failing-schedule"}


def worst_first(healths: Sequence[ScheduleHealth]) -> list[ScheduleHealth]:
	"""By state, the longest overdue before others, then by name."""
	return sorted(healths, key=lambda h: (STATES.index(h.state), -h.overdue_seconds, h.method))


def is_ahead(health: ScheduleHealth) -> bool:
	"""Whether that it lies in the future is what is wrong with it."""
	return health.state == "missed" and health.ahead_seconds > 0


def all_ahead(healths: Sequence[ScheduleHealth]) -> Finding | None:
	"""What is said once of all schedules that lie in the future; None for a single one, which is said of itself."""
	those = sorted(filter(is_ahead, healths), key=lambda h: -h.ahead_seconds)
	if len(those) < 2:
		return None
	longest = those[0].ahead_seconds
	# As far as two time zones may be apart: a new site, whose schedules were made before its zone was set
	severity = Severity.WARNING if longest <= 26 * 3600 else Severity.CRITICAL
	told = messages.all_ahead([h.method for h in those], longest)
	return Finding("schedules-ahead", severity, "schedules", *told)


def findings(healths: Sequence[ScheduleHealth]) -> Iterator[Finding]:
	"""What is wrong with a site's schedules. Of many with one kind of trouble a few are told apart."""
	ahead = all_ahead(healths)
	if ahead:
		yield ahead
	for state, code in _CODES.items():
		those = [h for h in worst_first(healths) if h.state == state and not (ahead and is_ahead(h))]
		severity = Severity.WARNING if state == "failing" else Severity.CRITICAL
		for health in those[: limits.SCHEDULES_TOLD]:
			message = say("{0}: {1}", health.method, health.message)
			yield Finding(code, severity, health.name, message, health.hint)
		if rest := those[limits.SCHEDULES_TOLD :]:
			yield Finding(code, severity, "schedules", *messages.more(state, [h.method for h in rest]))
