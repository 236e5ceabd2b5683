"""Health of this site's schedules: what `core.schedules.judge` needs to know, read in a few queries."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import frappe
from frappe.utils.background_jobs import create_job_id

from job_monitor.bridge import context
from job_monitor.bridge.schedules import scheduler
from job_monitor.bridge.schedules.calendar import Calendar
from job_monitor.core import clock, limits
from job_monitor.core.schedules import judge, schedule_jobs
from job_monitor.core.schedules.findings import worst_first
from job_monitor.core.schedules.health import ScheduleHealth
from job_monitor.core.schedules.records import COMPLETE, FAILURES, Schedule, ScheduledRun

TYPE, LOG = "Scheduled Job Type", "Scheduled Job Log"
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
_ENDED = (COMPLETE, *FAILURES)
_LONG_JITTER_SECONDS = 600
"""Frappe 15 delays schedules with "Long" in their frequency at random, by up to this."""


def read(names: Sequence[str] | None = None) -> list[ScheduleHealth]:
	"""Health of all schedules of this site, or of those with these names; the worst first. Moments in UTC.

	Two queries, and one to seven round trips to Redis.

	Raises:
		JobMonitorError: Redis could not be asked.
	"""
	types, template, now = _types(names), template_type(), clock.now()
	ids = {row.name: _job_id(template, row) for row in types}
	jobs = schedule_jobs.read(context.client(), list(ids.values()))
	runs = _newest_runs([row.name for row in types])
	site_scheduler, calendar = scheduler.read(), Calendar(template, now)
	schedules = (_schedule(row, runs.get(row.name, []), jobs[ids[row.name]], calendar) for row in types)
	return worst_first([judge.judge(schedule, site_scheduler, now) for schedule in schedules])


def _types(names: Sequence[str] | None) -> list[Any]:
	"""Rows of Scheduled Job Type. In SQL: see `bridge.site.state`."""
	where = "where name in %(names)s" if names is not None else ""
	query = f"select {', '.join(f'`{field}`' for field in _FIELDS)} from `tab{TYPE}` {where} order by name"
	return frappe.db.sql(query, {"names": tuple(names or ("",))}, as_dict=True)


def template_type() -> Any:
	"""A Scheduled Job Type without values, which stands for each schedule where Frappe's class is asked.

	It is no whole document: a work-horse would import all that makes one.
	"""
	from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType

	return ScheduledJobType.__new__(ScheduledJobType)


def _job_id(template: Any, row: Any) -> str:
	"""Id on Redis of a schedule's job."""
	template.name, template.method = row.name, row.method
	return create_job_id(template.rq_job_id)


def _newest_runs(names: Sequence[str]) -> dict[str, list[Any]]:
	"""The newest runs of each schedule, the newest first. One query, which reads an index from its end for each."""
	added = [name for name in ("duration", "error") if frappe.db.has_column(LOG, name)]  # none before migrate
	columns = ", ".join(f"`{name}`" for name in ("scheduled_job_type", "status", "creation", *added))
	query = f"""select {columns} from `tab{LOG}` where `scheduled_job_type` = %s
		order by `creation` desc limit {limits.SCHEDULE_RUNS}"""
	# MariaDB takes six times as long for the form that SQLite needs
	query = f"select * from ({query}) newest" if frappe.db.db_type == "sqlite" else f"({query})"
	runs: dict[str, list[Any]] = {}
	for start in range(0, len(names), limits.SCHEDULES_QUERIED):
		some = names[start : start + limits.SCHEDULES_QUERIED]
		rows = frappe.db.sql(" union all ".join([query] * len(some)), tuple(some), as_dict=True)
		for row in sorted(rows, key=lambda row: row.creation, reverse=True):
			runs.setdefault(row.scheduled_job_type, []).append(row)
	return runs


def _schedule(row: Any, runs: Sequence[Any], job: schedule_jobs.ScheduleJob, calendar: Calendar) -> Schedule:
	due, problem = calendar.due_utc(row)
	ended = [run for run in runs if run.status in _ENDED]
	failures = next((n for n, run in enumerate(ended) if run.status == COMPLETE), len(ended))
	usual = [run.duration for run in ended if run.status == COMPLETE and run.duration is not None]
	return Schedule(
		name=row.name,
		method=row.method or "",
		frequency=row.frequency or "",
		cron_format=row.cron_format or "",
		stopped=bool(row.stopped),
		keeps_log=bool(row.create_log),
		last_run_at=calendar.utc(row.last_execution) if row.last_execution else None,
		created_at=calendar.utc(row.creation),
		is_skipped=calendar.is_skipped(row),
		due=due,
		slack_seconds=_LONG_JITTER_SECONDS if "Long" in (row.frequency or "") else 0.0,
		problem=problem,
		run=_run(runs[0], calendar) if runs else None,
		failures=failures,
		usual_duration=median(usual) if len(usual) >= limits.SCHEDULE_USUAL_LEAST else None,
		job=job,
	)


def _run(row: Any, calendar: Calendar) -> ScheduledRun:
	return ScheduledRun(row.status, calendar.utc(row.creation), row.get("duration"), row.get("error") or "")
