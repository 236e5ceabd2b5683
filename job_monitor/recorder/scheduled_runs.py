"""Scheduled runs in Scheduled Job Log: when, where, how long, and how they ended.

Frappe writes a row's status at the start and at the end of a run and commits (`scheduled_job_type.py`,
`update_scheduler_log`). What is added here is written after that commit, by a statement and a transaction of its own:
nothing of ours is validated, written or rolled back together with what Frappe writes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime
from frappe.utils.background_jobs import create_job_id

from job_monitor.bridge import context
from job_monitor.bridge.database import side_writes
from job_monitor.bridge.timezones import site_now, to_site, to_utc
from job_monitor.core import clock, limits
from job_monitor.core.errors import WorkerNotFound
from job_monitor.core.history.failure_texts import text_of
from job_monitor.core.history.runs import RunLog
from job_monitor.core.rq import keys, workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.records import Job
from job_monitor.core.schedules.records import COMPLETE, FAILED, KILLED, OPEN, RUNNING, STOPPED
from job_monitor.recorder.guard import beside_the_job

LOG = "Scheduled Job Log"
TYPE = "Scheduled Job Type"

_ERROR_CHARS = 500

_SECONDS = 2.0
"""Time for writing beside a run. The database has its own, shorter limit (`side_writes`): one that does not even keep
that is gone, and an alarm in the middle of a statement costs Frappe its connection, too."""

SWEEP_ROWS = 500
"""Open runs looked at in one sweep."""

SWEEP_AGE_SECONDS = 60
"""A run younger than this is left alone: its job may be on its way between two keys."""

LOCAL_RUN_HOURS = 24
"""A run outside a worker (console, command line) leaves no trace of its process; it is given up after this."""


@beside_the_job("the start of a scheduled run is not written down", _SECONDS, over=False)
def note_start(job_type: Any) -> None:
	"""Write beside Frappe's row where and when the run started. To be called when Frappe has committed that row."""
	job_type.flags.job_monitor_started_at = now_datetime()
	if job_type.create_log:
		_alone(lambda: side_writes.update(LOG, job_type.scheduler_log.name, _at_start(job_type)))


@beside_the_job("the end of a scheduled run is not written down", _SECONDS, over=True)
def note_end(job_type: Any, failed: bool) -> None:
	"""Write beside Frappe's row when the run ended, and with what error. To be called when Frappe has committed it.

	A schedule that keeps no log gets a row of ours for a failure, and for a success if the settings say so.
	"""
	started_at = job_type.flags.get("job_monitor_started_at")
	end = _at_end(started_at, failed)
	if job_type.create_log:
		_alone(lambda: side_writes.update(LOG, job_type.scheduler_log.name, end))
	elif failed or frappe.db.get_single_value("Job Monitor Settings", "log_every_run"):
		end |= {"status": FAILED if failed else COMPLETE, "scheduled_job_type": job_type.name}
		end["details"] = frappe.get_traceback(with_context=True) if failed else None
		_alone(lambda: side_writes.insert(LOG, {**_at_start(job_type), **end}))


def _alone(write: Callable[[], None]) -> None:
	"""In a transaction of its own: Frappe has committed or rolled back everything of the job before."""
	try:
		write()
		frappe.db.commit()
	except Exception:
		frappe.db.rollback()
		raise


def _at_start(job_type: Any) -> dict[str, Any]:
	from rq import get_current_job

	job = get_current_job()
	return {
		"status": RUNNING,
		"method": job_type.method,
		"started_at": job_type.flags.get("job_monitor_started_at"),
		"queue": keys.short_name(job.origin) if job else None,
		"worker": job.worker_name if job else None,
		"rq_job_id": job.id if job and side_writes.fits(LOG, "rq_job_id", job.id) else None,
	}


def _at_end(started_at: Any, failed: bool) -> dict[str, Any]:
	ended_at = now_datetime()
	values: dict[str, Any] = {"ended_at": ended_at}
	if started_at:
		values["duration"] = max(0.0, (ended_at - get_datetime(started_at)).total_seconds())
	error = sys.exc_info()[1]
	if failed and error is not None:
		text = f"{type(error).__name__}: {text_of(error)}".strip(": \n")
		values["error"] = context.redactor().clean_text(text)[:_ERROR_CHARS]
	return values


# Runs whose process vanished


def close_killed_runs() -> int:
	"""Close rows of runs that cannot be running any more. Returns how many. One indexed query where all is well."""
	rows = _open_runs()
	if not rows:
		return 0
	client = context.client()
	closed = sum(_close(row, outcome) for row in rows if (outcome := _outcome(client, row)) is not None)
	frappe.db.commit()
	return closed


def _open_runs() -> list[Any]:
	before = site_now() - timedelta(seconds=SWEEP_AGE_SECONDS)
	# In SQL: what `frappe.get_all` builds first takes ten times as long as the answer, each minute
	return frappe.db.sql(
		f"""select name, scheduled_job_type, creation, started_at, rq_job_id from `tab{LOG}`
		where status in %(statuses)s and creation < %(before)s order by creation limit {SWEEP_ROWS}""",
		{"statuses": OPEN, "before": before},
		as_dict=True,
	)


def _outcome(client: RqClient, row: Any) -> dict[str, Any] | None:
	"""What to write into the row of a run whose process is gone, None if it may still be running."""
	if not row.rq_job_id and row.started_at:
		deadline = frappe.utils.add_to_date(row.started_at, hours=LOCAL_RUN_HOURS)
		return _killed(row, None) if deadline < now_datetime() else None
	job_id = row.rq_job_id or _usual_job_id(row.scheduled_job_type)
	job = read_rows(client, [("", job_id)])[0]
	if job.status == keys.STARTED and not _is_later(job, row) and not _is_orphan(client, job):
		return None
	return _stopped(client, row, job, job_id) or _killed(row, job)


def _usual_job_id(job_type: str) -> str:
	"""A schedule's job always has the same id; "" if the schedule is gone."""
	if not frappe.db.exists(TYPE, job_type):
		return ""
	return create_job_id(frappe.get_doc(TYPE, job_type).rq_job_id)


def _is_later(job: Job, row: Any) -> bool:
	"""Whether the job has been started anew since this run."""
	started = to_site(job.started_at)
	return started is not None and (started - row.creation).total_seconds() > 5


def _is_orphan(client: RqClient, job: Job) -> bool:
	try:
		return bool(job.worker) and workers.read_one(client, job.worker).is_dead
	except WorkerNotFound:
		return True


def _stopped(client: RqClient, row: Any, job: Job, job_id: str) -> dict[str, Any] | None:
	"""What to write if somebody stopped the run, else None. RQ says so until the job is removed or started anew."""
	log = RunLog(client.connection, client.bench or "", frappe.local.site)
	noted_at = log.stopped_at(job_id, to_utc(row.started_at or row.creation).timestamp())
	told = job.status == "stopped" and not _is_later(job, row)
	if noted_at is None and not told:
		return None
	ended_at = clock.from_epoch(noted_at) if noted_at else job.ended_at
	return _ended(row, STOPPED, "Somebody stopped this run.", to_site(ended_at))


def _killed(row: Any, job: Job | None) -> dict[str, Any]:
	ended_at: datetime | None = None
	error = "The process of this run vanished."
	if job is not None and not _is_later(job, row):
		ended_at = to_site(job.ended_at)
		last_line = job.exception.strip().rsplit("\n", 1)[-1]
		error = last_line[: min(_ERROR_CHARS, limits.LIST_TEXT_CHARS)] or error
	return _ended(row, KILLED, error, ended_at)


def _ended(row: Any, status: str, error: str, ended_at: datetime | None) -> dict[str, Any]:
	values: dict[str, Any] = {"status": status, "error": error, "ended_at": ended_at}
	if ended_at and row.started_at:
		values["duration"] = max(0.0, (ended_at - row.started_at).total_seconds())
	return values


def _close(row: Any, values: dict[str, Any]) -> bool:
	"""Write the outcome, unless the run has ended by itself meanwhile."""
	unchanged = {"name": row.name, "status": ["in", OPEN]}
	if not frappe.db.exists(LOG, unchanged):
		return False
	frappe.db.set_value(LOG, unchanged, values, update_modified=False)
	return True
