"""Job Failure Group: which groups are new, and what people decide about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime

from job_monitor.bridge import audit, permissions
from job_monitor.bridge.database import row_locks
from job_monitor.bridge.history.job_metric import SLACK
from job_monitor.bridge.markup import as_html
from job_monitor.bridge.timezones import to_site, to_utc
from job_monitor.core import clock

GROUP = "Job Failure Group"


# New groups


@dataclass(frozen=True)
class NewGroup:
	"""A group whose failure was never seen before, or was resolved before.

	Attributes:
		at: When it was first seen, or seen again.
		again: Whether it was resolved before.
	"""

	name: str
	title: str
	method: str
	state: str
	occurrences: int
	at: datetime
	again: bool


NEW_GROUPS = 1_000
"""New groups that are read at most: the newest."""


def new_groups(since: datetime) -> list[NewGroup]:
	"""Groups, not ignored, that are new since then, the newest first. One query."""
	rows = frappe.db.sql(
		f"""select name, title, method, state, occurrences, first_at, reopened_at from `tab{GROUP}`
		where coalesce(state, '') != 'Ignored' and last_at >= %(since)s
		and (first_at >= %(since)s or reopened_at >= %(since)s)
		order by last_at desc limit {NEW_GROUPS}""",
		{"since": to_site(since)},
		as_dict=True,
	)
	groups = [_new_group(row, since) for row in rows]
	latest = clock.now() + SLACK  # later ones are of a clock that was ahead
	return sorted((g for g in groups if g.at <= latest), key=lambda group: group.at, reverse=True)


def _new_group(row: Any, since: datetime) -> NewGroup:
	reopened = to_utc(get_datetime(row.reopened_at)) if row.reopened_at else None
	again = reopened is not None and reopened >= since
	at = reopened if reopened is not None and again else to_utc(get_datetime(row.first_at))
	return NewGroup(row.name, row.title, row.method, row.state, row.occurrences, at, again)


# Decisions

ACTIONS = {"Resolved": "resolve", "Ignored": "ignore", "Open": "reopen"}
"""The act that leads to a state, as the audit names it."""

AT_ONCE = 500
"""Groups in one request: the longest page of a list."""


def set_state(names: Sequence[str], state: str) -> dict[str, Any]:
	"""Resolve, ignore or reopen groups. Managers only, audited.

	Returns:
		`{"done": groups changed, "skipped": groups that were in that state, or are gone, "message"}`.

	Raises:
		frappe.PermissionError, frappe.ValidationError
	"""
	if state not in ACTIONS:
		frappe.throw(_("{0} is no state of a failure.").format(as_html(state, 40)))
	if len(names) > AT_ONCE:
		frappe.throw(_("At most {0} at once.").format(AT_ONCE))
	selected = sorted(set(map(str, names)))
	with audit.denials(ACTIONS[state], GROUP, ", ".join(selected)):
		permissions.only_managers()
		done = row_locks.in_turn(lambda: sum(_change(name, state) for name in selected))
	skipped = len(selected) - done
	message = f"{_(state, context=GROUP)}: {done}"
	if skipped:
		message += " · " + _("{0} already were, or are gone").format(skipped)
	return {"done": done, "skipped": skipped, "message": message}


def _change(name: str, state: str) -> bool:
	"""Change one group's state. The row is locked first: the recorder may be counting failures in it."""
	row = row_locks.read(GROUP, name, ["state"])
	before = row and row.state
	if before is None or before == state:
		return False
	group = frappe.get_doc(GROUP, name)
	group.check_permission("write")
	group.flags.job_monitor_state = state
	group.save()
	audit.note(ACTIONS[state], GROUP, name, f"{before} -> {state}", method=group.method or "")
	return True
