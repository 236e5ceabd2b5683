"""The border between this app and somebody else's job that it runs in."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from functools import wraps
from types import TracebackType
from typing import Any

import frappe
from rq.timeouts import BaseTimeoutException


class never_raises(ContextDecorator):
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

	def __enter__(self) -> never_raises:
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


class TookTooLong(BaseTimeoutException):
	"""Code of ours took longer than it may. A time limit, so `never_raises` lets it through."""


def beside_the_job(
	message: str, seconds: float, over: bool
) -> Callable[[Callable[..., None]], Callable[..., None]]:
	"""For what runs before or after somebody else's job: it is harmless, and takes nothing of the job's time.

	RQ's time limit is an alarm of the process (`rq/timeouts.py`). Its clock stands still while the function runs, so it
	neither rings in there nor comes earlier for the job; an alarm of our own ends the function instead. In a thread that
	is not the main one alarms cannot be set: only the limits of what the function asks hold there.

	Args:
		message: What the log says of an error.
		seconds: How long the function may take.
		over: Whether the job is over, so that no time limit may go on from here: what it did is done. Before, one that
			rings at the very border is the job's own.
	"""

	def decorate(function: Callable[..., None]) -> Callable[..., None]:
		@wraps(function)
		def run(*args: Any, **kwargs: Any) -> None:
			alarm = _Alarm(seconds)
			try:
				with alarm:
					function(*args, **kwargs)
			except TookTooLong as error:
				alarm.restore()
				_log(message, error)
			except BaseTimeoutException:
				if not over:
					raise
			except Exception as error:
				_log(message, error)

		return run

	return decorate


_set_handler: Callable[[int, Any], Any] = getattr(signal.signal, "__wrapped__", signal.signal)
"""Without the wrapper, which looks for a constant's name for each handler: 60 microseconds of a work-horse."""


class _Alarm:
	"""An alarm in place of the one that is set, which goes on afterwards with the time it had left."""

	def __init__(self, seconds: float) -> None:
		self.seconds = seconds
		self.set = False

	def __enter__(self) -> None:
		if threading.current_thread() is not threading.main_thread():
			return
		self.left = signal.setitimer(signal.ITIMER_REAL, 0)[0]
		# If the other alarm has rung and is not heard yet, it is heard here: Python looks before it changes a handler
		self.handler = _set_handler(signal.SIGALRM, _ring)
		self.set = True
		signal.setitimer(signal.ITIMER_REAL, self.seconds)

	def __exit__(self, *_error: object) -> None:
		try:
			self.restore()
		except TookTooLong:  # it rang at the last moment: the function is through
			self.restore()

	def restore(self) -> None:
		if not self.set:
			return
		signal.setitimer(signal.ITIMER_REAL, 0)
		_set_handler(signal.SIGALRM, self.handler)
		self.set = False
		if self.left:
			signal.setitimer(signal.ITIMER_REAL, self.left)


def _ring(*_signal: object) -> None:
	raise TookTooLong
