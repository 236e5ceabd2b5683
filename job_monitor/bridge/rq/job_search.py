"""How jobs of a list are found: Frappe's filters become a `JobQuery` of this site, and judges of what core cannot tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import frappe

from job_monitor.bridge import context
from job_monitor.bridge.lists import list_request
from job_monitor.bridge.lists.filters import Condition, moment
from job_monitor.bridge.lists.list_request import ListRequest, Row
from job_monitor.bridge.rq.job_rows import row
from job_monitor.bridge.timezones import to_utc
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
"""Time a search takes for a caller who can only be given a whole answer, or an error."""

ROWS = 10_000
"""Jobs one call answers or sorts: about 30 MB."""

_IDS = ("name", "job_id")
_CREATED = ("created_at", "creation")
_TEXTS = ("arguments", "exc_info")
_BOUNDS = (">", ">=", "<", "<=", "=")


@dataclass(frozen=True)
class FoundJobs:
	"""What a search brought, and how far it came.

	Attributes:
		cursor: Where to go on, "" if all was looked at or enough was found.
		more: Whether there may be more matches behind the rows.
		unread: Jobs of which it could not be told, because their arguments are too large to be searched.
	"""

	rows: list[Row]
	looked_at: int = 0
	out_of: int = 0
	cursor: str = ""
	more: bool = False
	unread: int = 0


@dataclass(frozen=True)
class SearchPlan:
	"""How to find what is asked.

	Attributes:
		ids: Job ids to read directly; empty to search with `query`.
		judges: What each row must pass besides the query.
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


def find(client: RqClient, asked: ListRequest) -> FoundJobs:
	plan = plan_of(client, asked)
	if plan is None:
		return FoundJobs([])
	newest_first = asked.only_newest_first()
	length = asked.length or ROWS
	if newest_first is None or plan.ids:
		found = collect(client, plan, 0, ROWS, seconds_for(asked), asked.cursor)
		list_request.sort(found.rows, asked.order or (("modified", True),))
		more = found.more or (asked.length is None and len(found.rows) > asked.start + length)
		return replace(found, rows=found.rows[asked.start : asked.start + length], more=more)
	plan = replace(plan, query=plan.query.only(newest_first=newest_first))
	found = collect(client, plan, asked.start, min(length, ROWS), seconds_for(asked), asked.cursor)
	# Core orders ended jobs to the second
	list_request.sort(found.rows, (("modified", newest_first),))
	# A page that is full is whole, whatever lies behind it
	full = asked.length is not None and len(found.rows) >= asked.length
	return replace(found, cursor="" if full else found.cursor, more=found.more and not full)


def seconds_for(asked: ListRequest) -> float:
	return PROGRAM_SECONDS if asked.from_program else DESK_SECONDS


def collect(
	client: RqClient, plan: SearchPlan, start: int, length: int, seconds: float, cursor: str = ""
) -> FoundJobs:
	"""Rows from `start` on among those that match."""
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
		wanted = length + start - skipped
		if not cursor or len(rows) >= wanted or time.monotonic() >= deadline:
			break
	more = bool(cursor) or len(rows) > wanted
	return FoundJobs(rows[start - skipped : wanted], result.looked_at, result.out_of, cursor, more, unread)


def _by_ids(client: RqClient, ids: Sequence[str], columns: frozenset[str]) -> list[Row]:
	now = clock.now()
	own = [("", i) for i in ids if keys.site_of(i) == frappe.local.site]
	return [row(job, now) for job in read_rows(client, own, columns) if job.status]


def _matching(plan: SearchPlan, jobs: Sequence[Job]) -> list[Row]:
	now = clock.now()
	return [r for r in (row(job, now) for job in jobs) if all(judge(r) for judge in plan.judges)]


def plan_of(client: RqClient, asked: ListRequest) -> SearchPlan | None:
	"""None if nothing can match."""
	fields: dict[str, Any] = {"site": frappe.local.site, "limit": 1, "columns": _columns(asked)}
	judges: list[Callable[[Row], bool]] = []
	ids: tuple[str, ...] | None = None
	choices: dict[str, list[str]] = {}
	for condition in asked.all_of:
		name = condition.fieldname
		if name in _CHOICES:
			known = choices[name] if name in choices else _CHOICES[name](client)
			choices[name] = [value for value in known if condition.fits(value)]
		elif name in _IDS and condition.operator in ("=", "in"):
			given = tuple(str(value) for value in condition.values())
			ids = given if ids is None else tuple(i for i in ids if i in given)
		else:
			narrowed = _narrow(fields, condition)
			judges.append(_judge(client, condition, narrowed))
	if ids == () or not all(choices.values()):
		return None
	for name, values in choices.items():
		fields["statuses" if name == "status" else "queues"] = tuple(values)
		if ids:
			judges.append(Condition(name, "in", values).fits_row)
	if asked.any_of:
		judges.append(lambda row: any(condition.fits_row(row) for condition in asked.any_of))
	return SearchPlan(JobQuery(**fields), (ids or ())[:ROWS], tuple(j for j in judges if j is not _anything))


def _columns(asked: ListRequest) -> frozenset[str]:
	"""What core must read for the fields that are shown, judged or sorted by."""
	if not asked.columns and not asked.groups:
		return COLUMNS
	return frozenset(_COSTS[name] for name in asked.fields() if name in _COSTS)


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


def _narrow(fields: dict[str, Any], condition: Condition) -> bool:
	"""Let core leave out what cannot match, if it can. Each row is judged exactly afterwards."""
	name = condition.fieldname
	if name in _CREATED:
		_narrow_created(fields, condition)
		return True
	field = {"method": "method", "user": "user", "owner": "user", "modified_by": "user"}.get(name)
	if name in _IDS:
		field = "job_id"
	elif name in (*_TEXTS, "search_text"):
		field = "text"
	part = condition.part()[: limits.PATTERN_CHARS]
	if not field or not part or fields.get(field):
		return False
	fields[field] = part
	return True


def _narrow_created(fields: dict[str, Any], condition: Condition) -> None:
	if condition.operator in ("between", "timespan"):
		low, high = condition.span()
	else:
		at = moment(condition.value) if condition.operator in _BOUNDS and condition.value else None
		low = at if condition.operator in (">", ">=", "=") else None
		high = at if condition.operator in ("<", "<=", "=") else None
	if low:
		fields["created_after"] = max(to_utc(low), fields.get("created_after") or to_utc(low))
	if high:
		fields["created_before"] = min(to_utc(high), fields.get("created_before") or to_utc(high))


def _judge(client: RqClient, condition: Condition, narrowed: bool) -> Callable[[Row], bool]:
	name = condition.fieldname
	if name == "search_text":
		part = condition.part().casefold()
		# Core has looked at the whole texts, of which a row may show a part only
		return _anything if narrowed or not part else lambda row: part in _all_text(row)
	if name not in _TEXTS:
		return condition.fits_row

	def judge(found: Row) -> bool:
		"""A text that a list row cuts is read whole."""
		text = found.get(name) or ""
		if text.startswith("…") or text.endswith("…"):
			with context.translated():
				text = row(read_job(client, found.name), clock.now()).get(name) or ""
		return condition.fits(text)

	return judge
