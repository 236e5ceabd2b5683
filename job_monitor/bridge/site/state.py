"""The app's own small state in the site's database, by key: it commits and rolls back with what it belongs to.

In SQL: the sweep of each minute asks for it, and what builds Frappe's queries is imported anew by each work-horse, which
takes longer than all that a quiet site is asked.
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
	"""The value, None if there is none."""
	rows = frappe.db.sql(f"select value from `tab{STATE}` where name = %s", key)
	return rows[0][0] if rows else None


def lock(key: str) -> str | None:
	"""As `get`; other processes that call this wait until the transaction ends.

	Commits first: what is read under the lock is then what the process before wrote, not what this one saw earlier.
	"""
	frappe.db.commit()
	row = row_locks.in_turn(lambda: row_locks.read(STATE, key, ["value"]))
	if row is None:
		_ensure(key)
		frappe.db.commit()
		row = row_locks.in_turn(lambda: row_locks.read(STATE, key, ["value"]))
	return row.value


def put(key: str, value: str) -> None:
	_ensure(key)
	frappe.db.sql(f"update `tab{STATE}` set value = %s where name = %s", (value, key))


def acquire_lease(key: str, seconds: float, owner: str) -> bool:
	"""Whether `owner` alone may do the work of `key` for so long. Commits. A lease that ran out is free."""
	_ensure(key)
	frappe.db.commit()
	return row_locks.in_turn(lambda: _acquire(key, seconds, owner))


def _acquire(key: str, seconds: float, owner: str) -> bool:
	row = row_locks.read(STATE, key, ["owned_by", "expires_at"])
	now = to_column(clock.now())
	until = now + timedelta(seconds=seconds)
	# One that ends later than a new one would is of a clock that was ahead
	held = row.expires_at and now < get_datetime(row.expires_at) <= until + timedelta(seconds=seconds)
	free = row.owned_by in (None, "", owner) or not held
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
	"""Make the row. Of two processes that do, one is told that it exists, which is fine."""
	if frappe.db.sql(f"select 1 from `tab{STATE}` where name = %s", key):
		return
	now = now_datetime()
	frappe.db.bulk_insert(
		STATE,
		["name", "creation", "modified", "owner", "modified_by"],
		[(key, now, now, "Administrator", "Administrator")],
		ignore_duplicates=True,
	)
