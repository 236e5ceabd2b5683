"""The border between this app's code and somebody else's job in which it runs: errors, and time, stay on this side."""

from __future__ import annotations

import _signal
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
	"""A guard of a block (`with`), or of a function (`@`; it then returns None), whose errors are logged and end there.

	RQ's time limit passes. It is an `Exception`, too, which a signal raises wherever the job is, so also in here; but it
	belongs to the job, which would never end without it.

	Args:
		message: What the log says.
		once: Log the first error only.

	Attributes:
		logged: Whether an error was logged.
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
	except Exception:  # the disk is full, or the log may not be written: there is no other place to report it
		return


class TookTooLong(BaseTimeoutException):
	"""This app's code took longer than it may beside a job. A time limit, so that `never_raises` lets it pass."""


def beside_the_job(
	message: str, seconds: float, over: bool
) -> Callable[[Callable[..., None]], Callable[..., None]]:
	"""A guard of a function that runs before, in or after somebody else's job: it never raises, and it is bounded.

	RQ's time limit is an alarm of the process (`rq/timeouts.py`). Its clock stands still while the function runs, so the
	function takes nothing of the job's time; an alarm of our own ends the function instead. A guarded function within
	another one shares the outer alarm, so that a hook has one limit for all that it does.

	Alarms ring in the main thread only, which is where RQ runs its jobs. In another thread (a web request that uses
	`track`) a function is bounded by its connections alone: the recorder's by `limits.HOOK_REDIS_SECONDS`, statements
	beside Frappe's rows by `side_writes`, Frappe's own connections to Redis by nothing, as everywhere in such a request.

	Args:
		message: What the log says of an error.
		seconds: How long the function may take.
		over: Whether the job is over, so that no time limit may pass: the job is done. Before, a limit that fires just
			as the hook starts or ends is the job's own.
	"""

	def decorate(function: Callable[..., None]) -> Callable[..., None]:
		@wraps(function)
		def run(*args: Any, **kwargs: Any) -> None:
			alarm = _Alarm(seconds)
			try:
				with alarm:
					function(*args, **kwargs)
			except TookTooLong as error:
				if alarm.is_shared:
					raise
				alarm.restore()
				_log(message, error)
			except BaseTimeoutException:
				if not over:
					raise
			except Exception as error:
				_log(message, error)

		return run

	return decorate


# The functions that `signal` wraps: its wrappers look for a constant's name for each handler, and no Python keeps a
# `__wrapped__` of them. For both hooks of a job in a work-horse 20 instead of 80 microseconds (3.13: 22 instead of 30)
_set_handler: Callable[[int, Any], Any] = _signal.signal
_get_handler: Callable[[int], Any] = _signal.getsignal


class _Alarm:
	"""An alarm in place of the one that is set, which goes on afterwards with the time that it had left.

	Attributes:
		is_shared: Whether an alarm of ours is set already, which then stays.
	"""

	def __init__(self, seconds: float) -> None:
		self.seconds = seconds
		self.is_set = self.is_shared = False

	def __enter__(self) -> None:
		if threading.current_thread() is not threading.main_thread():
			return
		if _get_handler(signal.SIGALRM) is _ring:
			self.is_shared = True
			return
		self.left = signal.setitimer(signal.ITIMER_REAL, 0)[0]
		# An alarm that has rung and is not handled yet is handled here: Python looks before it changes a handler
		self.handler = _set_handler(signal.SIGALRM, _ring)
		self.is_set = True
		signal.setitimer(signal.ITIMER_REAL, self.seconds)

	def __exit__(self, *_error: object) -> None:
		try:
			self.restore()
		except TookTooLong:  # the alarm rang at the last moment: the function is through
			self.restore()

	def restore(self) -> None:
		"""Set the alarm that was there before."""
		if not self.is_set:
			return
		signal.setitimer(signal.ITIMER_REAL, 0)
		_set_handler(signal.SIGALRM, self.handler)
		self.is_set = False
		if self.left:
			signal.setitimer(signal.ITIMER_REAL, self.left)


def _ring(*_signal: object) -> None:
	raise TookTooLong
