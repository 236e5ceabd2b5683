"""Schedules of this site and its scheduler, judged: what `core.schedules` needs to know, read in a few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import frappe
from croniter import croniter
from frappe.utils import get_bench_path, get_datetime, now_datetime
from frappe.utils.background_jobs import create_job_id
from frappe.utils.scheduler import get_scheduler_tick, is_dormant, is_scheduler_disabled

from job_monitor.bridge import session
from job_monitor.bridge.times import to_site, to_utc
from job_monitor.core import clock, limits, schedule_jobs, schedules
from job_monitor.core.locks import process_holds
from job_monitor.core.schedules import ENABLED, Run, Schedule, ScheduleHealth, Scheduler

TYPE, LOG = "Scheduled Job Type", "Scheduled Job Log"
_ENDED = ("Complete", "Failed", schedules.KILLED)
_LONG_JITTER_SECONDS = 600
"""Frappe 15 delays schedules with "Long" in their frequency by chance, up to this."""


@dataclass(frozen=True)
class SchedulerHealth:
	"""The scheduler of this site.

	Attributes:
		state: running, absent, disabled, paused or dormant.
		last_tick_at: The newest sign of it, in UTC; None if there is none.
		detail: Why, and what to do; "" if it runs.
	"""

	state: str
	detail: str = ""
	last_tick_at: datetime | None = None

	@property
	def runs(self) -> bool:
		return self.state == "running"


def read(names: Sequence[str] | None = None) -> list[ScheduleHealth]:
	"""All schedules of this site, or those with these names; the worst first. Moments in UTC.

	Two queries, and one to seven round trips to Redis.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	filters = {"name": ["in", names]} if names is not None else {}
	types = [frappe.get_doc(doctype=TYPE, **row) for row in frappe.get_all(TYPE, filters, ["*"])]
	ids = {one.name: create_job_id(one.rq_job_id) for one in types}
	jobs = schedule_jobs.read(session.connect(), list(ids.values()))
	runs = _newest_runs([one.name for one in types])
	state, now = _scheduler_of_site(), now_datetime()
	times = _Clock(now)
	found = [
		schedules.judge(
			_schedule(one, runs.get(one.name, []), jobs[ids[one.name]], times), state, to_utc(now)
		)
		for one in types
	]
	return schedules.worst_first(found)


def _scheduler_of_site() -> Scheduler:
	state = switch()
	if state == ENABLED and is_dormant():
		state = "dormant"
	return Scheduler(state, get_scheduler_tick(), frappe.local.site)


def switch() -> str:
	"""enabled, disabled, paused or maintenance."""
	if frappe.local.conf.maintenance_mode:
		return "maintenance"
	if frappe.local.conf.pause_scheduler:
		return "paused"
	return "disabled" if is_scheduler_disabled(verbose=False) else ENABLED


def _schedule(one: Any, runs: Sequence[Any], job: schedule_jobs.ScheduleJob, times: _Clock) -> Schedule:
	due, problem = times.due(one)
	ended = [run for run in runs if run.status in _ENDED]
	failures = next((n for n, run in enumerate(ended) if run.status == "Complete"), len(ended))
	usual = [run.duration for run in ended if run.status == "Complete" and run.duration is not None]
	return Schedule(
		name=one.name,
		method=one.method or "",
		frequency=one.frequency or "",
		cron_format=one.cron_format or "",
		stopped=bool(one.stopped),
		keeps_log=bool(one.create_log),
		last_run_at=to_utc(get_datetime(one.last_execution)) if one.last_execution else None,
		due=tuple(map(to_utc, due)),
		slack_seconds=_LONG_JITTER_SECONDS if "Long" in (one.frequency or "") else 0.0,
		problem=problem,
		run=_run(runs[0]) if runs else None,
		failures=failures,
		usual_duration=median(usual) if len(usual) >= limits.SCHEDULE_USUAL_LEAST else None,
		job=job,
	)


def _run(row: Any) -> Run:
	return Run(row.status, to_utc(row.creation), row.duration, row.error or "")


class _Clock:
	"""When schedules are due, in the site's time zone. Remembers what it worked out: there are few formats."""

	def __init__(self, now: datetime) -> None:
		self.now = now
		self.formats: dict[str, str] = {}
		self.times: dict[str, croniter] = {}

	def due(self, one: Any) -> tuple[list[datetime], str]:
		"""When it should have run since its last run, and the next time; or why there is none."""
		try:
			times = self._times(one)
			times.set_current(get_datetime(one.last_execution or one.creation))
			due = [times.get_next(datetime)]
			while due[-1] <= self.now and len(due) < limits.SCHEDULE_DUE:
				due.append(times.get_next(datetime))
		except Exception as error:  # croniter has a dozen, and raises AttributeError for what is no text
			return [], f"There is no time at which it should run: {error}."
		return due, ""

	def _times(self, one: Any) -> croniter:
		text = one.cron_format or self.formats.get(one.frequency)
		if not text:
			# Core works out the format of its frequencies, of which some depend on the site
			one.get_next_execution()
			text = self.formats[one.frequency] = one.cron_format
		if text not in self.times:
			self.times[text] = croniter(text, self.now)
		return self.times[text]


def _newest_runs(names: Sequence[str]) -> dict[str, list[Any]]:
	"""The newest runs of each schedule, the newest first. One query that reads an index from its end for each."""
	if not names:
		return {}
	known = [
		f for f in ("duration", "error") if frappe.db.has_column(LOG, f)
	]  # none before the first migrate
	columns = ", ".join(["`scheduled_job_type`", "`status`", "`creation`", *(f"`{f}`" for f in known)])
	one = f"""select * from (select {columns} from `tab{LOG}` where `scheduled_job_type` = %s
		order by `creation` desc limit {limits.SCHEDULE_RUNS}) newest"""
	rows = frappe.db.sql(" union all ".join([one] * len(names)), tuple(names), as_dict=True)
	found: dict[str, list[Any]] = {}
	for row in sorted(rows, key=lambda row: row.creation, reverse=True):
		found.setdefault(row.scheduled_job_type, []).append(row)
	return found


def rows(names: Sequence[str] | None = None) -> list[dict[str, Any]]:
	"""As `read`, for Desk: a dict each, moments in the site's time zone, durations in seconds.

	Raises:
		RedisUnavailable
	"""
	with session.translated():
		return [row(health) for health in read(names)]


def row(health: ScheduleHealth) -> dict[str, Any]:
	moments = {name: to_site(getattr(health, name)) for name in _MOMENTS}
	return {**vars(health), **moments}


_MOMENTS = ("last_run_at", "next_due_at", "enqueued_at")


# The scheduler


def scheduler(healths: Sequence[ScheduleHealth] | None = None) -> SchedulerHealth:
	"""Whether the scheduler runs and starts this site's schedules.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	healths = read() if healths is None else healths
	seen = [at for health in healths for at in (health.last_run_at, health.enqueued_at) if at is not None]
	last = max(seen, default=None)
	found = switched()
	if found.runs and _is_absent(healths, last):
		found = SchedulerHealth("absent", _absence(last))
	return replace(found, last_tick_at=last)


def switched() -> SchedulerHealth:
	"""As `scheduler`, without asking Redis: it may be absent all the same."""
	site = _scheduler_of_site()
	return (
		SchedulerHealth(*_OFF[site.state](site.site)) if site.state != ENABLED else SchedulerHealth("running")
	)


_OFF: dict[str, Any] = {
	"disabled": lambda site: ("disabled", f"Switch it on: bench --site {site} enable-scheduler"),
	"paused": lambda site: ("paused", f"Resume it: bench --site {site} scheduler resume"),
	"maintenance": lambda site: (
		"paused",
		f"The site is in maintenance: bench --site {site} set-maintenance-mode off",
	),
	"dormant": lambda site: ("dormant", "Log in, or raise dormant_days in System Settings."),
}


def _is_absent(healths: Sequence[ScheduleHealth], last: datetime | None) -> bool:
	"""Schedules are due that nobody has queued, and none was for two ticks and a minute."""
	grace = 2 * get_scheduler_tick() + 60
	late = [health for health in healths if health.overdue_seconds > grace]
	quiet = last is None or (clock.seconds_between(last, clock.now()) or 0.0) > grace
	return quiet and bool(late) and not any(health.job_is_held for health in late)


def _absence(last: datetime | None) -> str:
	since = f"Nothing has been queued since {to_site(last):%Y-%m-%d %H:%M}. " if last else ""
	if process_holds(Path(get_bench_path(), "config", "scheduler_process")):
		return f"{since}A scheduler process lives on this host: see logs/scheduler.log."
	return f"{since}Start it: bench schedule"
