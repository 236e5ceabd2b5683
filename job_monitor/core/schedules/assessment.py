"""The assessment of a schedule: the figures that its state depends on, and the state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from job_monitor.core import clock, limits
from job_monitor.core.schedules.placements import Placement
from job_monitor.core.schedules.records import ENABLED, Schedule, Scheduler


@dataclass(frozen=True)
class Assessment:
	"""A schedule with the figures that its state depends on, see `health.ScheduleHealth`."""

	schedule: Schedule
	scheduler: Scheduler
	now: datetime
	outcome: str
	overdue: float
	missed: int
	failures: int

	@property
	def place(self) -> Placement:
		"""The placement of its job."""
		return self.schedule.job.place if self.schedule.job else Placement.NONE

	def state(self) -> str:
		"""One of `health.STATES`."""
		schedule = self.schedule
		if schedule.stopped:
			return "stopped"
		if self.place is Placement.ZOMBIE:
			return "blocked"
		if schedule.problem or self.ahead:
			return "missed"
		active = self.place in (Placement.RUNNING, Placement.WAITING)
		# A job that waits until the next run is due, too, has cost that run
		if self.missed and not (self.place is Placement.RUNNING or (active and self.missed < 2)):
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
		"""Seconds from now to its last run, or to its creation: the clock or the time zone was set since; else 0."""
		start = self.schedule.last_run_at or self.schedule.created_at
		seconds = clock.seconds_between(self.now, start) or 0.0
		return seconds if seconds > limits.SCHEDULE_AHEAD_SECONDS and not self.schedule.is_skipped else 0.0
