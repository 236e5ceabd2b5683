"""The scheduler of this site: whether it is switched on, and whether its process starts schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import frappe
from frappe.utils import cint, get_bench_path
from frappe.utils.scheduler import get_scheduler_tick, is_dormant

from job_monitor.bridge import system_settings
from job_monitor.core import clock, processes
from job_monitor.core.durations import duration
from job_monitor.core.schedules.health import ScheduleHealth
from job_monitor.core.schedules.messages import of_scheduler
from job_monitor.core.schedules.records import ENABLED, Scheduler
from job_monitor.core.wording import say


@dataclass(frozen=True)
class SchedulerHealth:
	"""The scheduler of this site.

	Attributes:
		state: running, absent, disabled, paused or dormant.
		detail: Why, and what to do; "" if it runs.
	"""

	state: str
	detail: str = ""

	@property
	def runs(self) -> bool:
		return self.state == "running"


def switch() -> str:
	"""The switch as Frappe reads it: enabled, disabled, paused or maintenance. One query at most."""
	if frappe.local.conf.maintenance_mode:
		return "maintenance"
	if frappe.local.conf.pause_scheduler:
		return "paused"
	enabled = cint(system_settings.get("enable_scheduler"))
	return ENABLED if enabled and not frappe.conf.disable_scheduler else "disabled"


def read() -> Scheduler:
	"""The scheduler as `core.schedules.judge` needs it: its switch, or "dormant", and its tick."""
	state = switch()
	if state == ENABLED and is_dormant():
		state = "dormant"
	return Scheduler(state, get_scheduler_tick(), frappe.local.site)


def health(schedules: Sequence[ScheduleHealth]) -> SchedulerHealth:
	"""Whether the scheduler runs, and starts these schedules: all of the site's."""
	found = switched()
	moments = (at for schedule in schedules for at in (schedule.last_run_at, schedule.enqueued_at))
	# "Skip Next Execution" writes moments that are still to come, and so does a clock that was ahead
	latest = clock.now() + timedelta(minutes=1)
	last = max((at for at in moments if at is not None and at <= latest), default=None)
	if found.runs and _is_absent(schedules, last):
		return SchedulerHealth("absent", _absence(last))
	return found


def switched() -> SchedulerHealth:
	"""The scheduler's health by its switch alone, without Redis: it may be absent all the same."""
	scheduler = read()
	if scheduler.state == ENABLED:
		return SchedulerHealth("running")
	_message, hint = of_scheduler(scheduler.state, scheduler.site)
	return SchedulerHealth("paused" if scheduler.state == "maintenance" else scheduler.state, hint)


def _is_absent(schedules: Sequence[ScheduleHealth], last: datetime | None) -> bool:
	"""Whether schedules are due that nobody has queued, and none was queued for two ticks and a minute."""
	grace = 2 * get_scheduler_tick() + 60
	late = [schedule for schedule in schedules if schedule.overdue_seconds > grace]
	quiet = last is None or (clock.seconds_between(last, clock.now()) or 0.0) > grace
	return quiet and bool(late) and not any(schedule.job_is_active for schedule in late)


def _absence(last: datetime | None) -> str:
	hint = (
		say("A scheduler process lives on this host: see logs/scheduler.log.")
		if processes.holds_lock(Path(get_bench_path(), "config", "scheduler_process"))
		else of_scheduler("absent", frappe.local.site)[1]
	)
	if last is None:
		return hint
	quiet = duration(clock.seconds_between(last, clock.now()))
	return say("{0} {1}", say("Nothing has been queued for {0}.", quiet), hint)
