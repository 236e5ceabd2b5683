"""Job Failure and Job Failure Group: written down in batches."""

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
from job_monitor.core.history.runs import KILLED, STOPPED, Ended, Failure

FAILURE = "Job Failure"
GROUP = "Job Failure Group"

_DAYS = 7
_NAME_CHARS = 140


@dataclass(frozen=True)
class _Failed:
	ended: Ended
	failure: Failure
	group: str
	at: datetime


def add(batch: Sequence[Ended]) -> None:
	"""Write down failed runs. The caller holds the recorder's lock, and commits."""
	failed = [_failed(ended) for ended in batch]
	if failed:
		_insert(FAILURE, [_row(one) for one in failed])
		_group([one for one in failed if one.group])


def _failed(ended: Ended) -> _Failed:
	run = ended.run
	unknown = {KILLED: "Killed", STOPPED: "Stopped"}.get(run.outcome, run.outcome.title())
	failure = ended.failure or Failure(
		unknown, "Too many failures waited to keep what there was to tell of this."
	)
	group = ""
	if run.outcome != STOPPED:  # which is what a person did, and audited: no kind of failure
		group = signature(failure.exception, failure.message, failure.traceback, run.method)
	return _Failed(ended, failure, group, to_site(clock.from_epoch(run.ended_at)) or now_datetime())


def _row(one: _Failed) -> dict[str, Any]:
	run, failure = one.ended.run, one.failure
	return {
		"name": frappe.generate_hash(length=12),
		"method": run.method[:_NAME_CHARS],
		"outcome": run.outcome,
		"exception": failure.exception[:_NAME_CHARS],
		"failure_group": one.group,
		"failed_at": one.at,
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
	whole = [{**row, **standard} for row in rows]
	frappe.db.bulk_insert(doctype, list(whole[0]), [tuple(row.values()) for row in whole], chunk_size=500)


# Groups


def _group(failed: Sequence[_Failed]) -> None:
	by_group: dict[str, list[_Failed]] = {}
	for one in failed:
		by_group.setdefault(one.group, []).append(one)
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
		frappe.db.set_value(GROUP, name, _seen_again(known[name], by_group[name]), update_modified=False)
	if new := [_new_group(name, by_group[name]) for name in by_group.keys() - known.keys()]:
		_insert(GROUP, new)


def _seen_again(group: Any, failed: Sequence[_Failed]) -> dict[str, Any]:
	last = max(one.at for one in failed)
	values = {
		"occurrences": group.occurrences + len(failed),
		"first_at": min([one.at for one in failed] + [get_datetime(group.first_at)]),  # SQLite has texts
		"last_at": max(last, get_datetime(group.last_at)),
		"last_days": _last_days(failed, group.last_days, get_datetime(group.last_at)),
		**_shown(max(failed, key=lambda one: one.at)),
	}
	if group.state == "Resolved":
		values |= {"state": "Open", "reopened": group.reopened + 1, "reopened_at": last}
	return values


def _new_group(name: str, failed: Sequence[_Failed]) -> dict[str, Any]:
	first, last = (pick(failed, key=lambda one: one.at) for pick in (min, max))
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
		**_shown(last),
	}


def _shown(last: _Failed) -> dict[str, Any]:
	"""What a group is read by: the latest failure in its own words. What they have in common tells less."""
	failure = last.failure
	title = headline(failure.exception, failure.message, _NAME_CHARS)
	return {"title": title or last.ended.run.method[:_NAME_CHARS], "message": failure.message}


def _last_days(failed: Sequence[_Failed], before: str | None = "", last_at: datetime | None = None) -> str:
	"""Failures a day for a week up to the last one, as text: `0 0 3 5 0 1 9`."""
	days: Counter[date] = Counter(one.at.date() for one in failed)
	days.update(dict(_dated(before, last_at)))
	last = max(days)
	return " ".join(str(days[last - timedelta(days=n)]) for n in reversed(range(_DAYS)))


def _dated(text: str | None, last_at: datetime | None) -> Iterator[tuple[date, int]]:
	numbers = (text or "").split()
	if last_at is None:
		return
	for n, number in enumerate(reversed(numbers)):
		yield last_at.date() - timedelta(days=n), int(number)
