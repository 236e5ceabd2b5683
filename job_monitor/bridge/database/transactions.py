"""The end of a broken transaction, whatever became of its connection."""

from __future__ import annotations

import frappe
from rq.timeouts import BaseTimeoutException


def begin_anew() -> None:
	"""Roll back. Where a time limit in the middle of a statement has broken the connection, connect anew.

	The old connection closes when nothing refers to it.
	"""
	try:
		frappe.db.rollback()
	except BaseTimeoutException:
		raise
	except Exception:
		frappe.db.connect()
