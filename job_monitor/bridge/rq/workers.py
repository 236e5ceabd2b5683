"""Lists, counts and documents of RQ Worker: the workers of this bench, with the statuses that core gives them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import frappe

from job_monitor.bridge import context
from job_monitor.bridge.lists import list_request, list_rows
from job_monitor.bridge.lists.list_request import ListRequest
from job_monitor.bridge.lists.list_rows import Row
from job_monitor.bridge.timezones import to_site
from job_monitor.bridge.wording import translated
from job_monitor.core import clock, processes
from job_monitor.core.rq import keys, workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.records import Job, Verdict, Worker

DOCTYPE = "RQ Worker"


def get_list(args: Any, kwargs: dict[str, Any]) -> Any:
	"""Rows or groups of RQ Worker, for all callers of its list, see `lists.list_request`.

	Raises:
		frappe.PermissionError, frappe.ValidationError, RedisUnavailable
	"""
	if (of_v2 := list_request.args_of_v2(args)) is not None:
		return list_rows.Runnable(get_list(of_v2, {}))
	request = list_request.parse(DOCTYPE, args, kwargs)
	with context.frappe_errors():
		rows = _rows(context.client(), request)
	if request.is_grouped:
		return list_rows.group(request, rows)
	end = None if request.length is None else request.start + request.length
	shown = rows[request.start : end]
	for row in shown:
		row.memory = row.memory or memory(row)
	return list_rows.shape(request, shown)


def get_count(args: Any, kwargs: dict[str, Any]) -> int:
	"""Number of workers that match, as `get_list` finds them.

	Raises: As `get_list`.
	"""
	request = list_request.parse(DOCTYPE, args, kwargs)
	with context.frappe_errors():
		return len(_rows(context.client(), request))


def document(name: str) -> Row:
	"""The row of one worker. No other worker is read.

	Raises:
		frappe.DoesNotExistError: Unknown, or of another bench.
		RedisUnavailable
	"""
	with context.frappe_errors():
		client = context.client()
		worker = workers.read_one(client, name)
		if not context.is_of_bench(worker):
			raise frappe.DoesNotExistError(frappe._("{0} is no worker of this bench").format(name))
		row = _row(worker, _own_jobs(client, [worker]), clock.now())
	row.memory = memory(row)
	return row


def _rows(client: RqClient, request: ListRequest) -> list[Row]:
	now = clock.now()
	found = workers.read_all(client)
	jobs = _own_jobs(client, found)
	rows = [_row(worker, jobs, now) for worker in found]
	if "memory" in request.judged_fields() or request.is_grouped:
		for row in rows:
			row.memory = memory(row)
	rows = [row for row in rows if request.keeps(row)]
	if not request.is_grouped:
		list_rows.sort(rows, request.order or (("modified", True),))
	return rows


def _own_jobs(client: RqClient, found: Sequence[Worker]) -> dict[str, Job]:
	"""Current jobs of this site, by id. Jobs that workers run for other sites are left out."""
	current = [i for worker in found for i in worker.current_job_ids]
	own = [i for i in current if keys.site_of(i) == frappe.local.site]
	return {job.id: job for job in read_rows(client, [("", i) for i in own])}


def _row(worker: Worker, jobs: dict[str, Job], now: datetime) -> Row:
	job = next((jobs[i] for i in worker.current_job_ids if i in jobs), None)
	short = [keys.short_name(queue) for queue in worker.queues]
	return Row(
		name=worker.name,
		worker_name=worker.name,
		status=worker.status,
		status_reason=translated(worker.reason),
		queue=", ".join(worker.queues),
		queue_type=",".join(short),
		hostname=worker.hostname,
		ip_address=worker.ip_address,
		pid=str(worker.pid or ""),
		current_job_id=job.id if job else None,
		current_method=job.method if job else None,
		running_for=clock.seconds_between(job.started_at, now) if job else None,
		birth_date=to_site(worker.birth_date),
		last_heartbeat=to_site(worker.last_heartbeat),
		successful_job_count=worker.successful_job_count,
		failed_job_count=worker.failed_job_count,
		total_working_time=worker.total_working_time,
		utilization_percent=100 * (worker.utilization(now) or 0.0),
		memory=None,
		rq_version=worker.rq_version,
		python_version=worker.python_version,
		creation=to_site(worker.birth_date),
		modified=to_site(worker.last_heartbeat),
		owner="Administrator",
		modified_by="Administrator",
		docstatus=0,
		_comment_count=0,
	)


def memory(row: Row) -> float | None:
	"""Resident memory in MB of the worker's process, None where it is not a process of this host."""
	if not processes.is_here(row.hostname) or not row.pid or row.status == Verdict.DEAD.value:
		return None
	size = processes.resident_bytes(int(row.pid))
	return None if size is None else round(size / 2**20, 1)
