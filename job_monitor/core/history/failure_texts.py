"""The failure of an exception: its texts are cut before they are masked, so a message of any length costs nothing."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rq.timeouts import BaseTimeoutException

from job_monitor.core import limits
from job_monitor.core.history.run_entries import Failure
from job_monitor.core.redaction.plain_values import as_json
from job_monitor.core.redaction.redactor import Redactor

_LONG = 4 * limits.MESSAGE_CHARS
"""A message this long would push the frames out of the kept part of a traceback."""


def describe(error: BaseException, arguments: Any, redactor: Redactor) -> Failure:
	"""An exception and the arguments of its job as they are kept: masked, cut to `limits`.

	An object of the job that raises when its text is read leaves the error's name in place of the text. Only a time
	limit goes through.
	"""
	kind = type(error).__name__
	message = text_of(error)
	return Failure(
		kind,
		redactor.clean_start(message, limits.MESSAGE_CHARS),
		redactor.clean_end(_text_or_reason(lambda: _traceback(error, message)), limits.TRACEBACK_CHARS),
		_text_or_reason(lambda: as_json(redactor, arguments, limits.ARGUMENT_CHARS, pretty=True)),
	)


def text_of(error: BaseException) -> str:
	"""`str(error)`, or why there is none. Not masked, of any length."""
	return _text_or_reason(lambda: str(error))


def _text_or_reason(text: Callable[[], str]) -> str:
	try:
		return text()
	except BaseTimeoutException:
		raise
	except Exception as error:
		return f"<no text: {type(error).__name__}>"


def _traceback(error: BaseException, message: str) -> str:
	if len(message) <= _LONG:
		return "".join(traceback.format_exception(type(error), error, error.__traceback__))
	frames = "".join(traceback.format_tb(error.__traceback__))
	kind = type(error)
	return f"Traceback (most recent call last):\n{frames}{kind.__module__}.{kind.__qualname__}: {message[:_LONG]}…\n"
