"""Small state of the app in the site's database, by key. It commits and rolls back with the caller's transaction.

It is read by plain SQL: each sweep reads it, and each work-horse would import Frappe's query builder anew, which takes
longer than all queries of a quiet site.
"""

from __future__ import annotations

from datetime import timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from job_monitor.bridge.database import row_locks
from job_monitor.bridge.timezones import to_column
from job_monitor.core import clock

STATE = "Job Monitor State"


def get(key: str) -> str | None:
	"""The value of a key, None if there is none. One query."""
	rows = frappe.db.sql(f"select value from `tab{STATE}` where name = %s", key)
	return rows[0][0] if rows else None


def lock(key: str) -> str | None:
	"""The value of a key, locked: other processes that lock it wait until the transaction ends.

	Commits first, so that the value is what the process before wrote, not what this transaction saw earlier.
	"""
	frappe.db.commit()
	row = row_locks.in_turn(lambda: row_locks.read(STATE, key, ["value"]))
	if row is None:
		_ensure(key)
		frappe.db.commit()
		row = row_locks.in_turn(lambda: row_locks.read(STATE, key, ["value"]))
	return row.value


def put(key: str, value: str) -> None:
	"""Set the value of a key. The caller commits."""
	_ensure(key)
	frappe.db.sql(f"update `tab{STATE}` set value = %s where name = %s", (value, key))


def acquire_lease(key: str, seconds: float, owner: str) -> bool:
	"""Whether `owner` got the lease of a key: it alone does the work for so many seconds. Commits.

	A lease that ran out is free.
	"""
	_ensure(key)
	frappe.db.commit()
	return row_locks.in_turn(lambda: _acquire(key, seconds, owner))


def _acquire(key: str, seconds: float, owner: str) -> bool:
	row = row_locks.read(STATE, key, ["owned_by", "expires_at"])
	now = to_column(clock.now())
	until = now + timedelta(seconds=seconds)
	# A lease that ends much later than a new one would comes from a clock that was ahead
	is_leased = row.expires_at and now < get_datetime(row.expires_at) <= until + timedelta(seconds=seconds)
	free = row.owned_by in (None, "", owner) or not is_leased
	if free:
		frappe.db.sql(
			f"update `tab{STATE}` set owned_by = %s, expires_at = %s where name = %s",
			(owner, str(until), key),
		)
	frappe.db.commit()
	return free


def release_lease(key: str, owner: str) -> None:
	"""Give a lease back, if it is still this owner's. Commits."""
	frappe.db.sql(
		f"update `tab{STATE}` set owned_by = '', expires_at = null where name = %s and owned_by = %s",
		(key, owner),
	)
	frappe.db.commit()


def _ensure(key: str) -> None:
	"""Make the row of a key, if there is none. Of two processes that make it, the second one's is ignored."""
	if frappe.db.sql(f"select 1 from `tab{STATE}` where name = %s", key):
		return
	now = now_datetime()
	frappe.db.bulk_insert(
		STATE,
		["name", "creation", "modified", "owner", "modified_by"],
		[(key, now, now, "Administrator", "Administrator")],
		ignore_duplicates=True,
	)
