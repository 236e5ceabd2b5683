"""Writes runs that failed as rows of Job Failure, and counts them in their Job Failure Group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

from job_monitor.bridge.timezones import to_site
from job_monitor.core import clock
from job_monitor.core.history.fingerprint import frames, headline, signature
from job_monitor.core.history.run_entries import Ended, Failure
from job_monitor.core.history.run_records import KILLED, STOPPED

FAILURE = "Job Failure"
GROUP = "Job Failure Group"

_DAYS = 7
"""Days that a group counts one by one."""

_NAME_CHARS = 140
"""Length of Frappe's column for a name."""


@dataclass(frozen=True)
class _Failed:
	"""A run that failed, as it is written.

	Attributes:
		group: Name of its Job Failure Group, "" for none.
		at: When it ended, in the site's zone.
	"""

	ended: Ended
	failure: Failure
	group: str
	at: datetime


def add(batch: Sequence[Ended]) -> None:
	"""Write failed runs. The caller holds the lock of the recorder's progress, and commits."""
	failed = [_failed(ended) for ended in batch]
	if failed:
		_insert(FAILURE, [_row(failure) for failure in failed])
		_add_to_groups([failure for failure in failed if failure.group])


def _failed(ended: Ended) -> _Failed:
	run = ended.run
	kind = {KILLED: "Killed", STOPPED: "Stopped"}.get(run.outcome, run.outcome.title())
	failure = ended.failure or Failure(kind, "Too many failures waited to keep the texts of this one.")
	group = ""
	if run.outcome != STOPPED:  # a stop is a user's act, which is audited, and no kind of failure
		group = signature(failure.exception, failure.message, failure.traceback, run.method)
	return _Failed(ended, failure, group, to_site(clock.from_epoch(run.ended_at)) or now_datetime())


def _row(failed: _Failed) -> dict[str, Any]:
	run, failure = failed.ended.run, failed.failure
	return {
		"name": frappe.generate_hash(length=12),
		"method": run.method[:_NAME_CHARS],
		"outcome": run.outcome,
		"exception": failure.exception[:_NAME_CHARS],
		"failure_group": failed.group,
		"failed_at": failed.at,
		"queue": run.queue[:_NAME_CHARS],
		"user": run.user[:_NAME_CHARS],
		"worker": run.worker[:_NAME_CHARS],
		"rq_job_id": run.job_id[:500],
		"wait": run.wait or 0.0,
		"duration": run.duration or 0.0,
		"memory": round((run.memory or 0) / 2**20, 1),
		"cpu": run.cpu or 0.0,
		"attempts": run.attempts,
		"message": failure.message,
		"traceback": failure.traceback,
		"arguments": failure.arguments,
	}


def _insert(doctype: str, rows: list[dict[str, Any]]) -> None:
	now = now_datetime()
	# SQLite's columns have no defaults
	standard = {"docstatus": 0, "owner": "Administrator", "modified_by": "Administrator"}
	standard |= {"creation": now, "modified": now}
	complete = [{**row, **standard} for row in rows]
	values = [tuple(row.values()) for row in complete]
	frappe.db.bulk_insert(doctype, list(complete[0]), values, chunk_size=500)


# Groups


def _add_to_groups(failed: Sequence[_Failed]) -> None:
	"""Count failures in the rows of their groups, of which new ones are made."""
	by_group: dict[str, list[_Failed]] = {}
	for failure in failed:
		by_group.setdefault(failure.group, []).append(failure)
	fields = [
		"name",
		"state",
		"occurrences",
		"reopened",
		"reopened_at",
		"first_at",
		"last_at",
		"last_days",
	]
	known = {
		row.name: row
		for row in frappe.get_all(GROUP, filters={"name": ["in", list(by_group)]}, fields=fields)
	}
	for name in by_group.keys() & known.keys():
		frappe.db.set_value(GROUP, name, _updated_group(known[name], by_group[name]), update_modified=False)
	if new := [_new_group(name, by_group[name]) for name in by_group.keys() - known.keys()]:
		_insert(GROUP, new)


def _updated_group(group: Any, failed: Sequence[_Failed]) -> dict[str, Any]:
	"""Columns of a group that more failures change. A resolved group opens again."""
	last = max(failure.at for failure in failed)
	values = {
		"occurrences": group.occurrences + len(failed),
		"first_at": min(
			*(failure.at for failure in failed), get_datetime(group.first_at)
		),  # SQLite has texts
		"last_at": max(last, get_datetime(group.last_at)),
		"last_days": _last_days(failed, group.last_days, get_datetime(group.last_at)),
		**_heading(max(failed, key=_at)),
	}
	if group.state == "Resolved":
		values |= {"state": "Open", "reopened": group.reopened + 1, "reopened_at": last}
	return values


def _new_group(name: str, failed: Sequence[_Failed]) -> dict[str, Any]:
	first, last = min(failed, key=_at), max(failed, key=_at)
	return {
		"name": name,
		"state": "Open",
		"occurrences": len(failed),
		"reopened": 0,
		"first_at": first.at,
		"last_at": last.at,
		"last_days": _last_days(failed),
		"method": first.ended.run.method[:_NAME_CHARS],
		"exception": first.failure.exception[:_NAME_CHARS],
		"frames": "\n".join(frames(first.failure.traceback)),
		**_heading(last),
	}


def _at(failure: _Failed) -> datetime:
	return failure.at


def _heading(last: _Failed) -> dict[str, Any]:
	"""Title and message of a group: those of its last failure, as what all have in common says less."""
	failure = last.failure
	title = headline(failure.exception, failure.message, _NAME_CHARS)
	return {"title": title or last.ended.run.method[:_NAME_CHARS], "message": failure.message}


def _last_days(failed: Sequence[_Failed], before: str | None = "", last_at: datetime | None = None) -> str:
	"""The number of failures on each day of the week that the last failure ends, as text: `0 0 3 5 0 1 9`.

	Args:
		before: Those of the group so far, for the week up to `last_at`.
	"""
	days: Counter[date] = Counter(failure.at.date() for failure in failed)
	days.update(dict(_counts_by_day(before, last_at)))
	last = max(days)
	return " ".join(str(days[last - timedelta(days=n)]) for n in reversed(range(_DAYS)))


def _counts_by_day(text: str | None, last_at: datetime | None) -> Iterator[tuple[date, int]]:
	numbers = (text or "").split()
	if last_at is None:
		return
	for n, number in enumerate(reversed(numbers)):
		yield last_at.date() - timedelta(days=n), int(number)
