"""Lists, counts and documents of RQ Job."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint
from frappe.utils.background_jobs import create_job_id

from job_monitor.bridge import context
from job_monitor.bridge.lists import list_request, list_rows
from job_monitor.bridge.lists.list_request import ListRequest
from job_monitor.bridge.lists.list_rows import Row
from job_monitor.bridge.rq import job_search
from job_monitor.bridge.rq.job_rows import row
from job_monitor.bridge.rq.job_search import ROWS, FoundJobs, SearchPlan
from job_monitor.core import clock, limits
from job_monitor.core.rq import counts, keys, zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.query import STATUSES, JobQuery
from job_monitor.core.rq.records import SearchResult
from job_monitor.core.rq.search import count

DOCTYPE = "RQ Job"
NO_LIMIT = 10**9
"""More jobs than there are."""


class SearchIncomplete(frappe.ValidationError):
	"""The time or the number of rows did not suffice for a whole answer; none is given."""


def get_list(args: Any, kwargs: dict[str, Any]) -> Any:
	"""Rows or groups of RQ Job, for all callers of its list, see `lists.list_request`.

	`job_monitor` of the HTTP response says how far the search came.

	Raises:
		frappe.PermissionError, frappe.ValidationError
		SearchIncomplete: For programs, instead of an answer with gaps.
		RedisUnavailable
	"""
	if (of_v2 := list_request.args_of_v2(args)) is not None:
		return list_rows.Runnable(get_list(of_v2, {}))
	request = list_request.parse(DOCTYPE, args, kwargs)
	with context.frappe_errors():
		if request.is_grouped:
			return _groups(context.client(), request)
		found = job_search.find(context.client(), request)
	if (found.more or found.unread) and request.from_program:
		_refuse(found)
	if not request.from_program:
		_add_progress(found)
	return list_rows.shape(request, found.rows)


def get_count(args: Any, kwargs: dict[str, Any]) -> int:
	"""Number of jobs that match.

	Desk's limit is 1,001, which it shows as "1,000+". Where filters name no more than queue and status, all jobs are
	counted if the time allows.

	Raises: As `get_list`.
	"""
	request = list_request.parse(DOCTYPE, args, kwargs)
	limit = cint((args or kwargs).get("limit")) or NO_LIMIT
	with context.frappe_errors():
		client = context.client()
		plan = job_search.plan_of(client, request)
		if plan is None:
			return 0
		if plan.ids or plan.judges:
			found = job_search.collect(client, plan, 0, min(limit, ROWS), job_search.seconds_for(request))
			_add_progress(found)
			return len(found.rows)
		result = _count(client, plan, job_search.seconds_for(request), limit)
	matched = result.matched if result.complete else min(result.matched, limit)
	_add_progress(FoundJobs([], result.looked_at, result.out_of, result.cursor if matched < limit else ""))
	return matched


def _count(client: RqClient, plan: SearchPlan, seconds: float, limit: int) -> SearchResult:
	return (
		count_all(client, plan.query, seconds)
		if plan.is_counted
		else count(client, plan.query, limit, seconds)
	)


def count_all(client: RqClient, query: JobQuery, seconds: float) -> SearchResult:
	"""Number of all jobs that match, as far as the time allows: by their ids alone where the query needs no more."""
	if counts.ids_decide(query):
		return counts.count_by_ids(client, query, seconds)
	return count(client, query, NO_LIMIT, seconds)


def _groups(client: RqClient, request: ListRequest) -> list[Any]:
	"""Groups of jobs: of all jobs by queue and status; by other fields, of the jobs that the time allows to read.

	Desk's requests for groups come as from a program, too: there the response says how far the search came.
	"""
	plan = job_search.plan_of(client, request)
	if plan is None:
		return list_rows.group(request, [])
	only_counts = all(column.aggregate in ("", "count") for column in request.columns)
	if plan.is_counted and only_counts and {group.field for group in request.groups} <= {"status", "queue"}:
		counted = list(_counted(client, plan, request))
		looked_at, out_of = sum(f.looked_at for _, f in counted), sum(f.out_of for _, f in counted)
		found = FoundJobs([], looked_at, out_of, more=any(f.more for _, f in counted))
		answer = list_rows.shape_groups(request, (group for group, _ in counted if group[1]["count"]))
	else:
		found = job_search.collect(client, plan, 0, ROWS, job_search.DESK_SECONDS)
		answer = list_rows.group(request, found.rows)
	if found.more and not frappe.request:
		_refuse(found)
	_add_progress(found)
	return answer


def _counted(
	client: RqClient, plan: SearchPlan, request: ListRequest
) -> Iterator[tuple[tuple[list[Row], dict[str, int]], FoundJobs]]:
	"""Groups by status, queue or both, with the number of their jobs, and how far each count came."""
	fields = [group.field for group in request.groups]
	queues = sorted({keys.short_name(name) for name in client.resolve(plan.query.queues)})
	values = {"status": plan.query.statuses or STATUSES, "queue": queues}
	deadline = time.monotonic() + job_search.DESK_SECONDS
	for group in itertools.product(*(values[field] for field in fields)):
		of = dict(zip(fields, group, strict=True))
		query = _only(plan.query, of)
		result = _count(client, replace(plan, query=query), max(0.01, deadline - time.monotonic()), NO_LIMIT)
		found = FoundJobs([], result.looked_at, result.out_of, more=not result.complete)
		yield ([Row(of)], {"count": result.matched}), found


def _only(query: JobQuery, group: dict[str, str]) -> JobQuery:
	statuses = (group["status"],) if "status" in group else query.statuses
	queues = (group["queue"],) if "queue" in group else query.queues
	return query.only(statuses=statuses, queues=queues)


def document(job_id: str) -> Row:
	"""The row of one job, with all its columns.

	Raises:
		frappe.DoesNotExistError, frappe.PermissionError, RedisUnavailable
	"""
	with context.frappe_errors():
		job = read_job(context.client(), job_id)
	if not context.is_own(job):
		raise frappe.PermissionError
	return row(job, clock.now())


def is_zombie(job_id: str) -> bool:
	"""Whether a job's status is queued or started while no list or registry holds it. Six round trips.

	Raises: As `document`.
	"""
	with context.frappe_errors():
		client = context.client()
		return zombies.is_one(client, read_job(client, job_id))


def status(job_id: str) -> dict[str, Any]:
	"""The status of one job, see `api.jobs.get_job_status`. The id may lack the site's part, as in `frappe.enqueue`.

	Raises: As `document`.
	"""
	if not keys.site_of(job_id):
		job_id = create_job_id(job_id)
	found = document(job_id[: limits.ID_CHARS])
	if found.owner != frappe.session.user:
		frappe.has_permission(DOCTYPE, "read", throw=True)
	names = ("job_id", "status", "queue", "method", "progress", "wait", "time_taken")
	return {name: found[name] for name in (*names, "created_at", "started_at", "ended_at")}


def of_site(
	site: str | None, queue: str | None, status: str | None, start: int, page_length: int
) -> list[Row]:
	"""A page of this site's jobs, see `api.jobs.get_jobs`.

	Raises:
		frappe.PermissionError: Another site, or no right to read.
	"""
	if site and site != frappe.local.site:
		raise frappe.PermissionError
	filters = {name: value for name, value in (("queue", queue), ("status", status)) if value}
	args = frappe._dict(filters=filters, start=start, page_length=min(page_length, limits.PAGE_ROWS))
	return get_list(args, {})


def _add_progress(found: FoundJobs) -> None:
	"""Add to the HTTP response how far a search came."""
	if getattr(frappe.local, "response", None) is not None:
		frappe.local.response["job_monitor"] = {
			"looked_at": found.looked_at,
			"out_of": found.out_of,
			"cursor": found.cursor,
			"unread": found.unread,
		}


def _refuse(found: FoundJobs) -> None:
	message = _("The arguments of {0} jobs are too large to be searched.").format(found.unread)
	if found.more:
		message = _(
			"Only {0} of {1} jobs could be looked at; narrow the filters or set a limit of up to {2} rows."
		).format(found.looked_at, found.out_of, ROWS)
	frappe.throw(message, SearchIncomplete, _("Too Many Jobs"))
