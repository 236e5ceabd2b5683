"""A transaction that was cut in the middle is left behind, whatever became of its connection."""

from __future__ import annotations

import frappe
from rq.timeouts import BaseTimeoutException


def begin_anew() -> None:
	"""Roll back. A time limit in the middle of a statement leaves a connection that nothing can be done with: then on a
	new one, and the old one closes as soon as nothing refers to it."""
	try:
		frappe.db.rollback()
	except BaseTimeoutException:
		raise
	except Exception:
		frappe.db.connect()
