"""Who did what with the job monitor, and who was not allowed to.

A row stands before the act and gets its outcome after it, on a connection of its own: a rollback, a worker that is killed
in the middle, or a refusal takes no row back, and the caller's transaction is never committed from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe

AUDIT = "Job Monitor Audit"
BEGUN = "begun"
DENIED = "denied"
"""Outcomes of a row whose act has not ended yet, and of an act that the user has no right to."""

_CHARS = 140
_OUTCOME_CHARS = 500


class Entry:
	"""One act's row. `begin` writes it, before the act; `end` fills in what came of it."""

	def __init__(self, action: str, subject_type: str, subject: str) -> None:
		self.values = {"action": action, "subject_type": subject_type, "subject": subject[:_CHARS]}
		self.name = ""

	def begin(self, method: str = "") -> None:
		"""
		Raises:
			Exception: The row cannot be written. The act must not happen then.
		"""
		self._write(method=method[:_CHARS], outcome=BEGUN, done=0)

	def end(self, outcome: str, done: bool) -> None:
		self._write(outcome=outcome[:_OUTCOME_CHARS], done=int(done))

	def _write(self, **values: Any) -> None:
		with _own_connection():
			if self.name:
				frappe.db.set_value(AUDIT, self.name, values)
			else:
				self.insert(**values)

	def insert(self, **values: Any) -> None:
		"""Write the row in the current transaction."""
		row = {"doctype": AUDIT, "user": frappe.session.user, **self.values, **values}
		# A user whom the caller has only just made is not seen by another connection
		self.name = frappe.get_doc(row).insert(ignore_permissions=True, ignore_links=True).name


def note(action: str, subject_type: str, subject: str, outcome: str, method: str = "") -> None:
	"""The row of an act that is itself a change in the database: part of the same transaction, so both are kept or neither."""
	entry = Entry(action, subject_type, subject)
	entry.insert(method=method[:_CHARS], outcome=outcome[:_OUTCOME_CHARS], done=1)


@contextmanager
def act(action: str, subject_type: str, subject: str) -> Iterator[Entry]:
	"""The row of one act. What is refused inside the block, or fails after its begin, is written down, too.

	with audit.act("stop", "RQ Job", job_id) as entry:
		roles.only_managers()
		entry.begin()
		…
		entry.end("its worker was asked to stop it", done=True)
	"""
	entry = Entry(action, subject_type, subject)
	try:
		yield entry
	except frappe.PermissionError:
		entry.end(DENIED, done=False)
		raise
	except Exception as error:
		if entry.name:
			entry.end(f"{type(error).__name__}: {error}", done=False)
		raise


@contextmanager
def _own_connection() -> Iterator[None]:
	"""SQLite lets one connection write at a time, and that may be the caller's: there the row is part of its transaction."""
	if frappe.db.db_type == "sqlite":
		yield
		return
	callers = frappe.local.db
	try:
		frappe.connect(set_admin_as_user=False)
		yield
		frappe.db.commit()
	finally:
		if frappe.local.db is not callers:
			frappe.local.db.close()
			frappe.local.db = callers
