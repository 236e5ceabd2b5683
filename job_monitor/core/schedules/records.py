"""Schedules, schedulers and runs, as they were read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from job_monitor.core.schedules.placements import ScheduleJob

ENABLED = "enabled"

COMPLETE = "Complete"
FAILED = "Failed"
KILLED = "Killed"
FAILURES = (FAILED, KILLED)
STOPPED = "Stopped"
"""Stopped by a person: as in Job Failure, no failure of the schedule."""
RUNNING = "Running"
OPEN = ("Start", RUNNING)
"""Statuses of a run that goes on. Frappe writes "Start", which is none of the field's options; this app "Running"."""


@dataclass(frozen=True)
class ScheduledRun:
	"""A schedule's newest run in the log.

	Attributes:
		status: As Scheduled Job Log has it.
		at: When its row was created: at its start, or at its end where the schedule keeps no log.
		duration: Seconds, None while it runs or if unknown.
	"""

	status: str
	at: datetime
	duration: float | None = None
	error: str = ""


@dataclass(frozen=True)
class Schedule:
	"""A schedule.

	Attributes:
		due: Moments at which it is due after its last run: the first two at least, and those until
			now, up to `limits.SCHEDULE_DUE`.
		created_at: Where it never ran, it is due from then on.
		is_skipped: Its last run lies in the future because somebody skips the run of that moment.
		slack_seconds: Delay that Frappe adds by chance, at most.
		problem: Why it is never due, "" if it is.
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
		tick_seconds: Seconds between two looks for due schedules.
		site: For commands in hints.
	"""

	state: str = ENABLED
	tick_seconds: float = 60.0
	site: str = "SITE"
