"""Rows of the site's database, locked until the transaction ends, on every database that Frappe knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import frappe

T = TypeVar("T")

_TRIES = 20
"""Transactions that want the same row at once: more would be a fault."""

_SERIALIZATION = ("40001", "40P01")
"""PostgreSQL: "could not serialize access", "deadlock detected"."""


def read(doctype: str, name: str, fields: Sequence[str]) -> Any:
	"""Columns of one row, which nobody else changes until the transaction ends; None if there is no such row.

	In SQL: `frappe.db.get_value` takes a millisecond to build this, and asks SQLite for what it does not know.
	"""
	lock = "for update"
	if frappe.db.db_type == "sqlite":  # has no locks of rows, but of the whole database: for who writes
		frappe.db.sql(f"update `tab{doctype}` set name = name where name = %s", name)
		lock = ""
	columns = ", ".join(f"`{field}`" for field in fields)
	rows = frappe.db.sql(f"select {columns} from `tab{doctype}` where name = %s {lock}", name, as_dict=True)
	return rows[0] if rows else None


def in_turn(work: Callable[[], T]) -> T:
	"""Do what begins a transaction by locking a row, after those who hold it.

	MariaDB waits, and then reads what they wrote. PostgreSQL, as Frappe uses it (REPEATABLE READ), waits and refuses if
	they wrote anything: the transaction has to be begun anew.
	"""
	for _try in range(_TRIES - 1):
		try:
			return work()
		except Exception as error:
			if getattr(error, "pgcode", None) not in _SERIALIZATION:
				raise
			frappe.db.rollback()
	return work()
