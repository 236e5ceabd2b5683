"""The border between this app and somebody else's job that it runs in."""

from __future__ import annotations

from contextlib import ContextDecorator
from types import TracebackType

import frappe
from rq.timeouts import BaseTimeoutException


class harmless(ContextDecorator):
	"""Errors of a block (`with`) or of a function (`@`; it then returns None) are logged, and go no further.

	Except RQ's time limit. It is an `Exception`, too, and raised by a signal wherever the job is, so also in here: it
	is the job's, and without it the job would never end.

	Args:
		message: What the log says.
		once: Log the first error only.
	"""

	def __init__(self, message: str, once: bool = False) -> None:
		self.message = message
		self.once = once
		self.logged = False

	def __enter__(self) -> harmless:
		return self

	def __exit__(
		self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
	) -> bool:
		if not isinstance(error, Exception) or isinstance(error, BaseTimeoutException):
			return False
		if not (self.once and self.logged):
			self.logged = True
			_log(self.message, error)
		return True


def _log(message: str, error: Exception) -> None:
	try:
		frappe.logger("job_monitor").error(message, exc_info=error)
	except BaseTimeoutException:
		raise
	except Exception:  # the disk is full, or the log is not ours to write: nobody is left to be told
		return
