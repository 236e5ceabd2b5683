"""Adds to rows of Scheduled Job Log when and where a scheduled run began, how long it took and how it ended.

Frappe writes a row's status at the start and at the end of a run and commits (`scheduled_job_type.py`,
`update_scheduler_log`). Our columns are written after that commit, by a statement and a transaction of their own, so that
they are neither validated nor rolled back together with Frappe's.
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
"""Time for writing beside a run. Statements have a shorter limit of the database (`side_writes`), because an alarm in the
middle of a statement costs Frappe its connection, too."""

SWEEP_ROWS = 500
"""Rows of open runs that one sweep checks."""

SWEEP_AGE_SECONDS = 60
"""Age from which a run is checked: the job of a younger one may be on its way between two keys."""

LOCAL_RUN_HOURS = 24
"""Age at which a run outside a worker (console, command line) counts as killed, as its process cannot be looked up."""


@beside_the_job("the start of a scheduled run is not recorded", _SECONDS, over=False)
def note_start(job_type: Any) -> None:
	"""Write into Frappe's row where and when the run started. For after Frappe has committed that row."""
	job_type.flags.job_monitor_started_at = now_datetime()
	if job_type.create_log:
		_in_own_transaction(
			lambda: side_writes.update(LOG, job_type.scheduler_log.name, _start_values(job_type))
		)


@beside_the_job("the end of a scheduled run is not recorded", _SECONDS, over=True)
def note_end(job_type: Any, failed: bool) -> None:
	"""Write into Frappe's row when the run ended, and with which error. For after Frappe has committed that row.

	A schedule without a log gets a row of ours for a failure, and for a success if the settings say so.
	"""
	started_at = job_type.flags.get("job_monitor_started_at")
	end = _end_values(started_at, failed)
	if job_type.create_log:
		_in_own_transaction(lambda: side_writes.update(LOG, job_type.scheduler_log.name, end))
	elif failed or frappe.db.get_single_value("Job Monitor Settings", "log_every_run"):
		end |= {"status": FAILED if failed else COMPLETE, "scheduled_job_type": job_type.name}
		end["details"] = frappe.get_traceback(with_context=True) if failed else None
		_in_own_transaction(lambda: side_writes.insert(LOG, {**_start_values(job_type), **end}))


def _in_own_transaction(write: Callable[[], None]) -> None:
	"""Write and commit. Frappe has committed or rolled back before, so that nothing of the job is in this transaction."""
	try:
		write()
		frappe.db.commit()
	except Exception:
		frappe.db.rollback()
		raise


def _start_values(job_type: Any) -> dict[str, Any]:
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


def _end_values(started_at: Any, failed: bool) -> dict[str, Any]:
	ended_at = now_datetime()
	values: dict[str, Any] = {"ended_at": ended_at}
	if started_at:
		values["duration"] = max(0.0, (ended_at - get_datetime(started_at)).total_seconds())
	error = sys.exc_info()[1]
	if failed and error is not None:
		text = f"{type(error).__name__}: {text_of(error)}".strip(": \n")
		values["error"] = context.redactor().clean_text(text)[:_ERROR_CHARS]
	return values


# Killed runs


def close_killed_runs() -> int:
	"""Close rows of runs whose process is gone. Returns their number. One indexed query if no run is open."""
	rows = _open_runs()
	if not rows:
		return 0
	client = context.client()
	closed = sum(_close(row, outcome) for row in rows if (outcome := _outcome(client, row)) is not None)
	frappe.db.commit()
	return closed


def _open_runs() -> list[Any]:
	before = site_now() - timedelta(seconds=SWEEP_AGE_SECONDS)
	# In SQL, as `frappe.get_all` takes ten times as long as the database, each minute
	return frappe.db.sql(
		f"""select name, scheduled_job_type, creation, started_at, rq_job_id from `tab{LOG}`
		where status in %(statuses)s and creation < %(before)s order by creation limit {SWEEP_ROWS}""",
		{"statuses": OPEN, "before": before},
		as_dict=True,
	)


def _outcome(client: RqClient, row: Any) -> dict[str, Any] | None:
	"""Columns to write for a run whose process is gone; None if it may still run."""
	if not row.rq_job_id and row.started_at:
		deadline = frappe.utils.add_to_date(row.started_at, hours=LOCAL_RUN_HOURS)
		return _killed(row, None) if deadline < now_datetime() else None
	job_id = row.rq_job_id or _usual_job_id(row.scheduled_job_type)
	job = read_rows(client, [("", job_id)])[0]
	if job.status == keys.STARTED and not _is_later(job, row) and not _is_orphan(client, job):
		return None
	return _stopped(client, row, job, job_id) or _killed(row, job)


def _usual_job_id(job_type: str) -> str:
	"""The id that all jobs of a schedule have; "" if the schedule is gone."""
	if not frappe.db.exists(TYPE, job_type):
		return ""
	return create_job_id(frappe.get_doc(TYPE, job_type).rq_job_id)


def _is_later(job: Job, row: Any) -> bool:
	"""Whether the job was started again after this run."""
	started = to_site(job.started_at)
	return started is not None and (started - row.creation).total_seconds() > 5


def _is_orphan(client: RqClient, job: Job) -> bool:
	"""Whether the worker of a job is dead."""
	try:
		return bool(job.worker) and workers.read_one(client, job.worker).is_dead
	except WorkerNotFound:
		return True


def _stopped(client: RqClient, row: Any, job: Job, job_id: str) -> dict[str, Any] | None:
	"""Columns to write if a user stopped the run, else None. RQ knows that until the job is removed or started again."""
	log = RunLog(client.connection, client.bench or "", frappe.local.site)
	noted_at = log.stopped_at(job_id, to_utc(row.started_at or row.creation).timestamp())
	is_stopped = job.status == "stopped" and not _is_later(job, row)
	if noted_at is None and not is_stopped:
		return None
	ended_at = clock.from_epoch(noted_at) if noted_at else job.ended_at
	return _ended(row, STOPPED, "Somebody stopped this run.", to_site(ended_at))


def _killed(row: Any, job: Job | None) -> dict[str, Any]:
	"""Columns to write for a run whose process was killed."""
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
	"""Write the columns, unless the run has ended by itself meanwhile. Returns whether it had not."""
	unchanged = {"name": row.name, "status": ["in", OPEN]}
	if not frappe.db.exists(LOG, unchanged):
		return False
	frappe.db.set_value(LOG, unchanged, values, update_modified=False)
	return True
