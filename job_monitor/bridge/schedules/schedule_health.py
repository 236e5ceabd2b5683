"""Schedules of this site and its scheduler, judged: what `core.schedules` needs to know, read in a few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median
from typing import Any

import frappe
from croniter import croniter
from frappe.utils import get_bench_path, get_datetime
from frappe.utils.background_jobs import create_job_id
from frappe.utils.scheduler import get_scheduler_tick, is_dormant
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge import context, system_settings
from job_monitor.bridge.timezones import site_zone, to_site
from job_monitor.core import clock, limits, processes
from job_monitor.core.rq.diagnosis import duration
from job_monitor.core.schedules import judge, schedule_jobs
from job_monitor.core.schedules.judge import ScheduleHealth
from job_monitor.core.schedules.messages import of_scheduler
from job_monitor.core.schedules.records import COMPLETE, ENABLED, FAILURES, Schedule, ScheduledRun, Scheduler

TYPE, LOG = "Scheduled Job Type", "Scheduled Job Log"
_ENDED = (COMPLETE, *FAILURES)
_LONG_JITTER_SECONDS = 600
"""Frappe 15 delays schedules with "Long" in their frequency by chance, up to this."""


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


def read(names: Sequence[str] | None = None) -> list[ScheduleHealth]:
	"""All schedules of this site, or those with these names; the worst first. Moments in UTC.

	Two queries, and one to seven round trips to Redis.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	types = _types(names)
	like, now = _like(), clock.now()
	ids = {one.name: _job_id(like, one) for one in types}
	jobs = schedule_jobs.read(context.connect(), list(ids.values()))
	runs = _newest_runs([one.name for one in types])
	state, times = _scheduler_of_site(), _Calendar(like, now)
	found = (_schedule(one, runs.get(one.name, []), jobs[ids[one.name]], times) for one in types)
	return judge.worst_first([judge.judge(schedule, state, now) for schedule in found])


def _types(names: Sequence[str] | None) -> list[Any]:
	"""In SQL: see `bridge.state`."""
	where = "where name in %(names)s" if names is not None else ""
	query = f"select {', '.join(f'`{field}`' for field in _FIELDS)} from `tab{TYPE}` {where} order by name"
	return frappe.db.sql(query, {"names": tuple(names or ("",))}, as_dict=True)


_FIELDS = (
	"name",
	"method",
	"frequency",
	"cron_format",
	"stopped",
	"create_log",
	"last_execution",
	"creation",
)


def _like() -> Any:
	"""What stands for each schedule where Frappe's own class is asked. No whole document: a work-horse would import what
	makes one."""
	from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType

	return ScheduledJobType.__new__(ScheduledJobType)


def _job_id(like: Any, one: Any) -> str:
	"""Id of its job on Redis."""
	like.name, like.method = one.name, one.method
	return create_job_id(like.rq_job_id)


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
	enabled = frappe.utils.cint(system_settings.get("enable_scheduler"))
	return ENABLED if enabled and not frappe.conf.disable_scheduler else "disabled"


def _schedule(one: Any, runs: Sequence[Any], job: schedule_jobs.ScheduleJob, times: _Calendar) -> Schedule:
	due, problem = times.due(one)
	ended = [run for run in runs if run.status in _ENDED]
	failures = next((n for n, run in enumerate(ended) if run.status == COMPLETE), len(ended))
	usual = [run.duration for run in ended if run.status == COMPLETE and run.duration is not None]
	return Schedule(
		name=one.name,
		method=one.method or "",
		frequency=one.frequency or "",
		cron_format=one.cron_format or "",
		stopped=bool(one.stopped),
		keeps_log=bool(one.create_log),
		last_run_at=times.utc(one.last_execution) if one.last_execution else None,
		created_at=times.utc(one.creation),
		is_skipped=times.is_skipped(one),
		due=tuple(map(times.utc, due)),
		slack_seconds=_LONG_JITTER_SECONDS if "Long" in (one.frequency or "") else 0.0,
		problem=problem,
		run=_run(runs[0], times) if runs else None,
		failures=failures,
		usual_duration=median(usual) if len(usual) >= limits.SCHEDULE_USUAL_LEAST else None,
		job=job,
	)


def _run(row: Any, times: _Calendar) -> ScheduledRun:
	return ScheduledRun(row.status, times.utc(row.creation), row.get("duration"), row.get("error") or "")


class _Calendar:
	"""When schedules are due, in the site's time zone. What is worked out for a format holds for all that have it."""

	def __init__(self, like: Any, now: datetime) -> None:
		self.like = like
		self.zone = site_zone()
		self.now = now.astimezone(self.zone).replace(tzinfo=None)
		self.formats: dict[str, str] = {}
		self.times: dict[str, croniter] = {}
		self.current: dict[str, tuple[datetime, datetime]] = {}
		self.late: dict[tuple[str, datetime], list[datetime]] = {}

	def utc(self, moment: datetime | str) -> datetime:
		return get_datetime(moment).replace(tzinfo=self.zone).astimezone(timezone.utc)

	def due(self, one: Any) -> tuple[list[datetime], str]:
		"""When it should have run since its last run, and the next time; or why there is none."""
		last = get_datetime(one.last_execution or one.creation)  # SQLite has texts
		try:
			text = one.cron_format or self._format(one)
			before, coming = self._around_now(text)
			if before <= last < coming:
				return [coming], ""
			self.times[text].set_current(last)
			return self._from(text, self.times[text].get_next(datetime)), ""
		except BaseTimeoutException:
			raise
		except Exception as error:  # croniter has a dozen, and raises AttributeError for what is no text
			return [], f"There is no time at which it should run: {error}."

	def is_skipped(self, one: Any) -> bool:
		"""Whether Frappe's "Skip Next Execution" moved it on: its last run is one of its own times, still to come."""
		last = get_datetime(one.last_execution) if one.last_execution else None
		if last is None or last <= self.now or last.second or last.microsecond:
			return False
		try:
			return bool(croniter.match(one.cron_format or self._format(one), last))
		except BaseTimeoutException:
			raise
		except Exception:  # as above
			return False

	def _from(self, text: str, first: datetime) -> list[datetime]:
		"""Where the scheduler was absent, schedules of one format have all missed the same first run."""
		if (text, first) not in self.late:
			due = self.late[(text, first)] = [first]
			while due[-1] <= self.now and len(due) < limits.SCHEDULE_DUE:
				due.append(self.times[text].get_next(datetime))
		return self.late[(text, first)]

	def _around_now(self, text: str) -> tuple[datetime, datetime]:
		if text not in self.current:
			times = self.times[text] = croniter(text, self.now)
			before = times.get_prev(datetime)
			self.current[text] = (before, times.get_next(datetime))
		return self.current[text]

	def _format(self, one: Any) -> str:
		"""As Frappe works it out for its frequencies, of which some depend on the site."""
		if one.frequency not in self.formats:
			values = {"frequency": one.frequency, "cron_format": None, "last_execution": self.now}
			vars(self.like).update(values)
			self.like.get_next_execution()
			self.formats[one.frequency] = self.like.cron_format
		return self.formats[one.frequency]


def _newest_runs(names: Sequence[str]) -> dict[str, list[Any]]:
	"""The newest runs of each schedule, the newest first. A query that reads an index from its end for each."""
	known = [name for name in ("duration", "error") if frappe.db.has_column(LOG, name)]  # none before migrate
	columns = ", ".join(f"`{name}`" for name in ("scheduled_job_type", "status", "creation", *known))
	one = f"""select {columns} from `tab{LOG}` where `scheduled_job_type` = %s
		order by `creation` desc limit {limits.SCHEDULE_RUNS}"""
	# MariaDB takes six times as long for the form that SQLite wants
	one = f"select * from ({one}) newest" if frappe.db.db_type == "sqlite" else f"({one})"
	found: dict[str, list[Any]] = {}
	for start in range(0, len(names), limits.SCHEDULES_QUERIED):
		some = names[start : start + limits.SCHEDULES_QUERIED]
		rows = frappe.db.sql(" union all ".join([one] * len(some)), tuple(some), as_dict=True)
		for row in sorted(rows, key=lambda row: row.creation, reverse=True):
			found.setdefault(row.scheduled_job_type, []).append(row)
	return found


def rows(names: Sequence[str] | None = None) -> list[dict[str, Any]]:
	"""As `read`, for Desk: a dict each, moments in the site's time zone, durations in seconds.

	Raises:
		RedisUnavailable
	"""
	with context.translated():
		return [row(health) for health in read(names)]


def row(health: ScheduleHealth) -> dict[str, Any]:
	moments = {name: to_site(getattr(health, name)) for name in _MOMENTS}
	due = health.next_due_at
	# Desk knows neither the site's clock nor its own well enough to tell
	return {**vars(health), **moments, "due_in": (due - clock.now()).total_seconds() if due else None}


_MOMENTS = ("last_run_at", "next_due_at", "enqueued_at")


# The scheduler


def scheduler(healths: Sequence[ScheduleHealth] | None = None) -> SchedulerHealth:
	"""Whether the scheduler runs and starts this site's schedules.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	healths = read() if healths is None else healths
	signs = [at for health in healths for at in (health.last_run_at, health.enqueued_at) if at is not None]
	# One that is still to come is no sign: "Skip Next Execution" writes it, or a clock that was ahead
	latest = clock.now() + timedelta(minutes=1)
	last = max((at for at in signs if at <= latest), default=None)
	found = switched()
	return SchedulerHealth("absent", _absence(last)) if found.runs and _is_absent(healths, last) else found


def scheduler_row() -> dict[str, str]:
	"""As `scheduler`, for Desk.

	Raises:
		RedisUnavailable
	"""
	with context.translated():
		return vars(scheduler())


def switched() -> SchedulerHealth:
	"""As `scheduler`, without asking Redis: it may be absent all the same."""
	site = _scheduler_of_site()
	if site.state == ENABLED:
		return SchedulerHealth("running")
	_message, hint = of_scheduler(site.state, site.site)
	return SchedulerHealth("paused" if site.state == "maintenance" else site.state, hint)


def _is_absent(healths: Sequence[ScheduleHealth], last: datetime | None) -> bool:
	"""Schedules are due that nobody has queued, and none was for two ticks and a minute."""
	grace = 2 * get_scheduler_tick() + 60
	late = [health for health in healths if health.overdue_seconds > grace]
	quiet = last is None or (clock.seconds_between(last, clock.now()) or 0.0) > grace
	return quiet and bool(late) and not any(health.job_is_held for health in late)


def _absence(last: datetime | None) -> str:
	since = (
		f"Nothing has been queued for {duration(clock.seconds_between(last, clock.now()))}. " if last else ""
	)
	if processes.holds_lock(Path(get_bench_path(), "config", "scheduler_process")):
		return f"{since}A scheduler process lives on this host: see logs/scheduler.log."
	return since + of_scheduler("absent", frappe.local.site)[1]
