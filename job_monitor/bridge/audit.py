"""Audit: who did what with the job monitor, and who was denied it.

The row of an act is written before the act and gets its outcome after it, on a connection of its own. A rollback, a killed
worker or a denial takes no row back, and the caller's transaction is never committed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from frappe.utils import add_to_date, now_datetime

from job_monitor.bridge import permissions

AUDIT = "Job Monitor Audit"
BEGUN = "begun"
DENIED = "denied"
DONE = "done"
"""Outcomes: of an act that goes on, of one that the user has no right to, of one that ended and has no other."""

TOGETHER_SECONDS = 300
"""For so long, denials of one user and action are one row, as are repeats of an act that is `again_and_again`."""

_CHARS = 140
_OUTCOME_CHARS = 500
_TIMES = " · times within five minutes: "
_LAST = ", the last of "


def _fit(text: str, chars: int) -> str:
	return text.replace("\0", "�")[:chars]  # PostgreSQL stores no NUL, and no act goes without its row


class AuditEntry:
	"""The row of one act. `begin` writes it, `of` adds the method of its job, `end` its outcome."""

	def __init__(self, action: str, subject_type: str, subject: str, method: str = "") -> None:
		self.values = {"action": action, "subject_type": subject_type, "subject": _fit(subject, _CHARS)}
		self.method = _fit(method, _CHARS)
		self.name = ""
		self.is_counted = False
		self.has_ended = False

	def begin(self) -> None:
		"""Write the row.

		Raises:
			Exception: The row cannot be written. The act must not happen then.
		"""
		self._write(method=self.method, outcome=BEGUN, done=0)

	def of(self, method: str) -> None:
		"""Add the method of the act's job or schedule, as soon as it is known."""
		self._write(method=_fit(method, _CHARS))

	def end(self, outcome: str, done: bool) -> None:
		"""Write the outcome."""
		self.has_ended = True
		self._write(outcome=_fit(outcome, _OUTCOME_CHARS), done=int(done))

	def deny(self) -> None:
		"""Write a row of a denial, or count it in the row of what this user was denied just before."""
		if not self._count({"outcome": ["like", f"{DENIED}%"]}, _LAST + self.values["subject"]):
			self.end(DENIED, done=False)

	def count(self) -> bool:
		"""Count the act in the row of the same act, if that was done just before. Returns whether it was."""
		same = {"subject": self.values["subject"], "method": self.method}
		self.is_counted = self._count({**same, "done": 1})
		return self.is_counted

	def _count(self, filters: dict[str, Any], suffix: str = "") -> bool:
		since = add_to_date(now_datetime(), seconds=-TOGETHER_SECONDS)
		# Frappe 15 has an index on one of the two moments, 16 on the other
		recent = {"creation": [">", since], "modified": [">", since]}
		same = {"user": frappe.session.user, "action": self.values["action"]}
		with _own_connection():
			name = frappe.db.get_value(AUDIT, {**recent, **same, **filters}, order_by="creation desc")
			outcome = frappe.db.get_value(AUDIT, name, "outcome", for_update=True) if name else None
			if outcome is None:
				return False
			first, _times, counted = outcome.partition(_TIMES)
			times = int(counted.partition(",")[0] or 1) + 1
			frappe.db.set_value(AUDIT, name, "outcome", f"{first}{_TIMES}{times}{suffix}")
		return True

	def _write(self, **values: Any) -> None:
		if self.is_counted:
			return
		with _own_connection():
			if self.name:
				frappe.db.set_value(AUDIT, self.name, values)
			else:
				self.insert(**values)

	def insert(self, **values: Any) -> None:
		"""Write the row in the current transaction."""
		row = {"doctype": AUDIT, "user": frappe.session.user, **self.values, **values}
		# Another connection does not see a user whom the caller has just made
		self.name = frappe.get_doc(row).insert(ignore_permissions=True, ignore_links=True).name


def note(action: str, subject_type: str, subject: str, outcome: str, method: str = "") -> None:
	"""Write the row of an act that is a change in the database, in the same transaction: both are kept, or neither."""
	entry = AuditEntry(action, subject_type, subject)
	entry.insert(method=_fit(method, _CHARS), outcome=_fit(outcome, _OUTCOME_CHARS), done=1)


@contextmanager
def denials(action: str, subject_type: str, subject: str) -> Iterator[None]:
	"""A block whose denial is written down: for acts that write their row by `note`, and for those that change nothing."""
	try:
		yield
	except frappe.PermissionError:
		AuditEntry(action, subject_type, subject).deny()
		raise


@contextmanager
def act(
	action: str,
	subject_type: str,
	subject: str,
	permit: Callable[[], Any] = permissions.only_managers,
	*,
	method: str = "",
	again_and_again: bool = False,
) -> Iterator[AuditEntry]:
	"""A block that is one act: the right to it is checked, its row is written, and however it ends, the row says so.

	with audit.act("stop", "RQ Job", job_id) as entry:
		…
		entry.end("its worker was asked to stop it", done=True)

	Args:
		permit: Raises `frappe.PermissionError` if the user may not.
		again_and_again: Repeats within five minutes are counted in the row of the first that was done.
	"""
	with denials(action, subject_type, subject):
		permit()
	entry = AuditEntry(action, subject_type, subject, method)
	if not (again_and_again and entry.count()):
		entry.begin()
	try:
		yield entry
	except Exception as error:
		refused = isinstance(error, frappe.PermissionError)
		entry.end(DENIED if refused else f"{type(error).__name__}: {error}", done=False)
		raise
	if not entry.has_ended:
		entry.end(DONE, done=True)


@contextmanager
def _own_connection() -> Iterator[None]:
	"""A block on a connection of its own, committed at the end.

	SQLite lets one connection write at a time, which may be the caller's: there the row is part of its transaction.
	"""
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
