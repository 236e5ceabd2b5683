"""A schedule with its scheduler and its newest run, as they were read, and what was worked out about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from job_monitor.core import clock, limits
from job_monitor.core.schedules.schedule_jobs import Placement, ScheduleJob

ENABLED = "enabled"

COMPLETE = "Complete"
FAILED = "Failed"
KILLED = "Killed"
FAILURES = (FAILED, KILLED)
STOPPED = "Stopped"
"""By a person: as in Job Failure, no failure of the schedule."""
RUNNING = "Running"
OPEN = ("Start", RUNNING)
"""Statuses in Scheduled Job Log. Frappe writes "Start", which is none of its own options; with this app a run that goes
on says "Running"."""


@dataclass(frozen=True)
class ScheduledRun:
	"""A schedule's newest run in the log.

	Attributes:
		status: As Scheduled Job Log has it.
		at: When its row was made: at its start, or at its end where the schedule keeps no log.
		duration: Seconds, None while it runs or if unknown.
	"""

	status: str
	at: datetime
	duration: float | None = None
	error: str = ""


@dataclass(frozen=True)
class Schedule:
	"""What is known of one schedule.

	Attributes:
		due: When it should run after its last run: the first two times at least, and those until now, not all of many.
		created_at: From then on it is due, where it never ran.
		is_skipped: Its last run lies in the future because somebody skips the run of that moment.
		slack_seconds: Delay that Frappe adds by chance, at most.
		problem: Why there is no time at which it should run, "" if there is one.
		failures: Ended runs in the log, from the newest on, that failed.
	"""

	name: str
	method: str
	frequency: str = ""
	cron_format: str = ""
	stopped: bool = False
	keeps_log: bool = True
	last_run_at: datetime | None = None
	created_at: datetime | None = None
	is_skipped: bool = False
	due: tuple[datetime, ...] = ()
	slack_seconds: float = 0.0
	problem: str = ""
	run: ScheduledRun | None = None
	failures: int = 0
	usual_duration: float | None = None
	job: ScheduleJob | None = None


@dataclass(frozen=True)
class Scheduler:
	"""A site's scheduler.

	Attributes:
		state: enabled, disabled, paused, maintenance or dormant.
		tick_seconds: It looks for due schedules this often.
		site: For commands in hints.
	"""

	state: str = ENABLED
	tick_seconds: float = 60.0
	site: str = "SITE"


@dataclass(frozen=True)
class Assessment:
	"""A schedule with what was worked out about it, see `ScheduleHealth`."""

	schedule: Schedule
	scheduler: Scheduler
	now: datetime
	outcome: str
	overdue: float
	missed: int
	failures: int

	@property
	def place(self) -> Placement:
		return self.schedule.job.place if self.schedule.job else Placement.NONE

	def state(self) -> str:
		schedule = self.schedule
		if schedule.stopped:
			return "stopped"
		if self.place is Placement.ZOMBIE:
			return "blocked"
		if schedule.problem or self.ahead:
			return "missed"
		held = self.place in (Placement.RUNNING, Placement.WAITING)
		# A job that waits until the next run is due, too, has cost that run
		if self.missed and not (self.place is Placement.RUNNING or (held and self.missed < 2)):
			return "missed"
		if self.failures:
			return "failing"
		if self.missed:
			return "overdue"
		if self.scheduler.state != ENABLED:
			return "paused"
		return "never ran" if schedule.last_run_at is None else "ok"

	@property
	def ahead(self) -> float:
		"""Seconds until the moment it ran, or was made: the clock, or the time zone, has been set since; else 0."""
		start = self.schedule.last_run_at or self.schedule.created_at
		seconds = clock.seconds_between(self.now, start) or 0.0
		return seconds if seconds > limits.SCHEDULE_AHEAD_SECONDS and not self.schedule.is_skipped else 0.0
