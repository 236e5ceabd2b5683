"""Search of jobs for a list: Frappe's filters become a `JobQuery` of core, and judges of rows for what it cannot say."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import frappe

from job_monitor.bridge import context
from job_monitor.bridge.lists import list_rows
from job_monitor.bridge.lists.filters import Filter, moment
from job_monitor.bridge.lists.list_request import ListRequest
from job_monitor.bridge.lists.list_rows import Row
from job_monitor.bridge.rq.job_rows import row
from job_monitor.bridge.timezones import readings, site_zone
from job_monitor.core import clock, limits
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job, read_rows
from job_monitor.core.rq.query import COLUMNS, STATUSES, JobQuery
from job_monitor.core.rq.records import Job
from job_monitor.core.rq.search import search

DESK_SECONDS = 0.5
"""Time a search for Desk's list takes: an answer at once, with "continue" under it."""

PROGRAM_SECONDS = 10.0
"""Time a search takes for a program, which gets a whole answer or an error."""

ROWS = 10_000
"""Jobs that one call answers or sorts: about 30 MB."""

_IDS = ("name", "job_id")
_CREATED = ("created_at", "creation")
_TEXTS = ("arguments", "exc_info")
_BOUNDS = (">", ">=", "<", "<=", "=")


@dataclass(frozen=True)
class FoundJobs:
	"""Rows that a search found, and how far it came.

	Attributes:
		looked_at, out_of: Number of jobs that were judged, and that there are.
		cursor: Where the search goes on, "" if it is complete or the page full.
		more: Whether there may be more matches behind the rows.
		unread: Number of jobs that were not judged, because their arguments are too large to be searched.
	"""

	rows: list[Row]
	looked_at: int = 0
	out_of: int = 0
	cursor: str = ""
	more: bool = False
	unread: int = 0


@dataclass(frozen=True)
class SearchPlan:
	"""How the jobs of a request are found.

	Attributes:
		ids: Job ids to read directly; empty to search with `query`.
		judges: Conditions that each row must meet besides the query.
	"""

	query: JobQuery
	ids: tuple[str, ...]
	judges: tuple[Callable[[Row], bool], ...]

	@property
	def is_counted(self) -> bool:
		"""Whether the lists and registries alone say which jobs match."""
		query = self.query
		narrowed = query.job_id or query.method or query.user or query.text or query.created_after
		return not (self.ids or self.judges or narrowed or query.created_before)


def find(client: RqClient, request: ListRequest) -> FoundJobs:
	"""The page of jobs that a request asks for."""
	plan = plan_of(client, request)
	if plan is None:
		return FoundJobs([])
	newest_first = request.newest_first()
	length = request.length or ROWS
	if newest_first is None or plan.ids:
		found = collect(client, plan, 0, ROWS, seconds_for(request), request.cursor)
		list_rows.sort(found.rows, request.order or (("modified", True),))
		more = found.more or (request.length is None and len(found.rows) > request.start + length)
		return replace(found, rows=found.rows[request.start : request.start + length], more=more)
	plan = replace(plan, query=plan.query.only(newest_first=newest_first))
	found = collect(client, plan, request.start, min(length, ROWS), seconds_for(request), request.cursor)
	# Core orders ended jobs to the second
	list_rows.sort(found.rows, (("modified", newest_first),))
	# A page that is full is whole, whatever lies behind it
	full = request.length is not None and len(found.rows) >= request.length
	return replace(found, cursor="" if full else found.cursor, more=found.more and not full)


def seconds_for(request: ListRequest) -> float:
	return PROGRAM_SECONDS if request.from_program else DESK_SECONDS


def collect(
	client: RqClient, plan: SearchPlan, start: int, length: int, seconds: float, cursor: str = ""
) -> FoundJobs:
	"""Rows that match, from the one at `start` on, as far as the time allows."""
	if plan.ids:
		rows = [
			r for r in _by_ids(client, plan.ids, plan.query.columns) if all(judge(r) for judge in plan.judges)
		]
		return FoundJobs(rows[start : start + length])
	deadline = time.monotonic() + seconds
	rows: list[Row] = []
	unread = 0
	skipped = 0 if plan.judges else start
	query = plan.query.only(offset=skipped)
	while True:
		batch = limits.PAGE_ROWS if plan.judges else min(limits.PAGE_ROWS, length - len(rows))
		left = max(0.01, deadline - time.monotonic())
		result = search(client, query.only(limit=batch), left, cursor)
		rows += _matching(plan, result.rows)
		unread += result.unread
		cursor, query = result.cursor, query.only(offset=0)
		end = length + start - skipped
		if not cursor or len(rows) >= end or time.monotonic() >= deadline:
			break
	more = bool(cursor) or len(rows) > end
	return FoundJobs(rows[start - skipped : end], result.looked_at, result.out_of, cursor, more, unread)


def _by_ids(client: RqClient, ids: Sequence[str], columns: frozenset[str]) -> list[Row]:
	now = clock.now()
	own = [("", i) for i in ids if keys.site_of(i) == frappe.local.site]
	return [row(job, now) for job in read_rows(client, own, columns) if job.status]


def _matching(plan: SearchPlan, jobs: Sequence[Job]) -> list[Row]:
	now = clock.now()
	return [r for r in (row(job, now) for job in jobs) if all(judge(r) for judge in plan.judges)]


def plan_of(client: RqClient, request: ListRequest) -> SearchPlan | None:
	"""The plan of a request; None if nothing can match."""
	fields: dict[str, Any] = {"site": frappe.local.site, "limit": 1, "columns": _columns(request)}
	judges: list[Callable[[Row], bool]] = []
	ids: tuple[str, ...] | None = None
	choices: dict[str, list[str]] = {}
	for filter in request.filters:
		name = filter.fieldname
		if name in _CHOICES:
			known = choices[name] if name in choices else _CHOICES[name](client)
			choices[name] = [value for value in known if filter.fits(value)]
		elif name in _IDS and filter.operator in ("=", "in"):
			named = tuple(str(value) for value in filter.values())
			ids = named if ids is None else tuple(i for i in ids if i in named)
		else:
			narrowed = _narrow(fields, filter)
			judges.append(_judge(client, filter, narrowed))
	if ids == () or not all(choices.values()):
		return None
	for name, values in choices.items():
		fields["statuses" if name == "status" else "queues"] = tuple(values)
		if ids:
			judges.append(Filter(name, "in", values).fits_row)
	if request.or_filters:
		judges.append(lambda row: any(f.fits_row(row) for f in request.or_filters))
	return SearchPlan(JobQuery(**fields), (ids or ())[:ROWS], tuple(j for j in judges if j is not _anything))


def _columns(request: ListRequest) -> frozenset[str]:
	"""Columns that core must read for the fields that are shown, filtered or sorted by."""
	if not request.columns and not request.groups:
		return COLUMNS
	return frozenset(_COSTS[name] for name in request.fields() if name in _COSTS)


_COSTS = {
	**dict.fromkeys(("method", "job_name", "user", "owner", "modified_by", "problem"), "call"),
	**{"arguments": "arguments", "exc_info": "exception", "job_meta": "meta", "progress": "meta"},
}

_CHOICES: dict[str, Callable[[RqClient], list[str]]] = {
	"status": lambda client: list(STATUSES),
	"queue": lambda client: sorted({keys.short_name(name) for name in client.queue_names()}),
}


def _anything(_row: Row) -> bool:
	return True


def _all_text(row: Row) -> str:
	return "\n".join(str(row.get(name) or "") for name in ("name", "method", *_TEXTS)).casefold()


def _narrow(fields: dict[str, Any], filter: Filter) -> bool:
	"""Narrow core's query by a filter, and say whether that was possible. Each row is judged exactly afterwards."""
	name = filter.fieldname
	if name in _CREATED:
		_narrow_created(fields, filter)
		return True
	field = {"method": "method", "user": "user", "owner": "user", "modified_by": "user"}.get(name)
	if name in _IDS:
		field = "job_id"
	elif name in (*_TEXTS, "search_text"):
		field = "text"
	part = filter.part()[: limits.PATTERN_CHARS]
	if not field or not part or fields.get(field):
		return False
	fields[field] = part
	return True


def _narrow_created(fields: dict[str, Any], filter: Filter) -> None:
	if filter.operator in ("between", "timespan"):
		low, high = filter.span()
	else:
		at = moment(filter.value) if filter.operator in _BOUNDS and filter.value else None
		low = at if filter.operator in (">", ">=", "=") else None
		high = at if filter.operator in ("<", "<=", "=") else None
	if low:
		after, _later = readings(low, site_zone())
		fields["created_after"] = max(after, fields.get("created_after") or after)
	if high:
		_first, before = readings(high, site_zone())
		fields["created_before"] = min(before, fields.get("created_before") or before)


def _judge(client: RqClient, filter: Filter, narrowed: bool) -> Callable[[Row], bool]:
	name = filter.fieldname
	if name == "search_text":
		part = filter.part().casefold()
		# Core has searched the whole texts; a row may hold a part of them
		return _anything if narrowed or not part else lambda row: part in _all_text(row)
	if name not in _TEXTS:
		return filter.fits_row

	def judge(found: Row) -> bool:
		"""Judges the whole text, also where the row holds a part of it."""
		text = found.get(name) or ""
		if text.startswith("…") or text.endswith("…"):
			with context.frappe_errors():
				text = row(read_job(client, found.name), clock.now()).get(name) or ""
		return filter.fits(text)

	return judge
