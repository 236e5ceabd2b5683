"""The health of a schedule: its state, and the figures and messages that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from job_monitor.core.schedules import messages

STATES = ("blocked", "missed", "failing", "overdue", "never ran", "paused", "stopped", "ok")
"""Worst first. `overdue`: late, but its job waits or runs; `paused`: due, but the site's scheduler is off."""

PROBLEMS = STATES[:4]


@dataclass(frozen=True)
class ScheduleHealth:
	"""The health of one schedule.

	Attributes:
		state: One of `STATES`.
		last_outcome: Complete, Failed, Killed, Stopped, Running, or "" if unknown.
		last_duration: Seconds of the last run that ended, None if unknown.
		usual_duration: Median seconds of its last runs, None for fewer than three.
		missed_runs: Runs that were due since, each by more than the grace. 0 while the scheduler is off.
		blocked_by: Id of the zombie job that blocks it, "" if there is none.
		job_id: Id of its job on Redis, "" if there is none.
		job_is_active: Whether that job waits or runs.
		enqueued_at: When it was enqueued or, if it has started, started; None if there is none.
		failures: Failed runs in a row.
		ahead_seconds: Seconds from now to its last run, or to its creation, where that lies in the future; else 0.
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
	job_is_active: bool
	enqueued_at: datetime | None
	failures: int
	ahead_seconds: float
	message: str
	hint: str

	@property
	def label(self) -> str:
		"""Name of its state, as lists show it."""
		return messages.label(self.state, self.missed_runs)
