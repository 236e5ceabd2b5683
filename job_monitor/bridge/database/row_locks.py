"""Locks of rows until the transaction ends, on MariaDB, PostgreSQL and SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import frappe

T = TypeVar("T")

_TRIES = 20
"""Transactions that wait for the same row at once, at most; more would be a fault."""

_SERIALIZATION = ("40001", "40P01")
"""PostgreSQL: "could not serialize access", "deadlock detected"."""


def read(doctype: str, name: str, fields: Sequence[str]) -> Any:
	"""Columns of one row, locked against changes by others; None if there is no such row.

	In SQL: `frappe.db.get_value` takes a millisecond to build this, and SQLite does not know its `for update`.
	"""
	lock = "for update"
	if frappe.db.db_type == "sqlite":  # which locks the whole database, for a connection that writes
		frappe.db.sql(f"update `tab{doctype}` set name = name where name = %s", name)
		lock = ""
	columns = ", ".join(f"`{field}`" for field in fields)
	rows = frappe.db.sql(f"select {columns} from `tab{doctype}` where name = %s {lock}", name, as_dict=True)
	return rows[0] if rows else None


def in_turn(work: Callable[[], T]) -> T:
	"""Do work that begins a transaction by locking a row, after the transactions that hold the lock.

	MariaDB waits for the lock and then reads what they wrote. PostgreSQL, as Frappe uses it (REPEATABLE READ), waits and
	then refuses if they changed the row: the transaction begins anew.
	"""
	for _try in range(_TRIES - 1):
		try:
			return work()
		except Exception as error:
			if getattr(error, "pgcode", None) not in _SERIALIZATION:
				raise
			frappe.db.rollback()
	return work()
