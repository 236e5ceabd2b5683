"""A failure has its texts, soon and without secrets, whatever the exception holds."""

from __future__ import annotations

import time
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from job_monitor.core import limits
from job_monitor.core.history.failure_texts import describe, text_of
from job_monitor.core.history.fingerprint import frames
from job_monitor.core.history.run_entries import Failure
from job_monitor.core.pickles.payload import of_frappe
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.redaction.values import MASK


def raised(error: BaseException) -> BaseException:
	try:
		raise error
	except BaseException as caught:
		return caught


def failure_of(error: BaseException, arguments: Any = None) -> Failure:
	failure = describe(raised(error), arguments or {}, Redactor())
	assert len(failure.message) <= limits.MESSAGE_CHARS
	assert len(failure.traceback) <= limits.TRACEBACK_CHARS
	assert len(failure.arguments) <= limits.ARGUMENT_CHARS
	return failure


class Mute(Exception):
	def __str__(self) -> str:
		raise RuntimeError("no text")


class Hanging(Exception):
	def __str__(self) -> str:
		raise JobTimeoutException("the job's own limit")


class Slow:
	def __str__(self) -> str:
		raise JobTimeoutException("a limit rings")


class Odd(dict):  # type: ignore[type-arg]
	def items(self) -> Any:
		raise RuntimeError("no items")


def test_a_failure_has_its_frames() -> None:
	failure = failure_of(ValueError("password=hunter2 is wrong"), {"api_key": "hunter2", "n": 1})
	assert (failure.exception, failure.message) == ("ValueError", f"password={MASK} is wrong")
	assert failure.traceback.startswith("Traceback") and "in raised" in failure.traceback
	assert "hunter2" not in failure.traceback + failure.arguments and '"n": 1' in failure.arguments


def test_an_exception_without_a_text_is_a_failure_all_the_same() -> None:
	failure = failure_of(Mute())
	assert failure.message == "<no text: RuntimeError>"
	assert "in raised" in failure.traceback and "Mute" in failure.traceback


def test_arguments_that_raise_do_not_hide_the_failure() -> None:
	assert failure_of(ValueError("x"), Odd(a=1)).arguments == "<no text: RuntimeError>"


def test_a_time_limit_goes_through() -> None:
	with pytest.raises(JobTimeoutException):
		text_of(Hanging())


@pytest.mark.parametrize("arguments", [{"a": Slow()}, {"a": [Slow()]}, {"a": {"b": Slow()}}])
def test_a_time_limit_goes_through_arguments_too(arguments: dict[str, Any]) -> None:
	"""It rings once: were it taken for an argument without a text, the next one could take for ever."""
	with pytest.raises(JobTimeoutException):
		describe(raised(ValueError("x")), arguments, Redactor())


def test_a_time_limit_goes_through_the_names_of_a_call() -> None:
	with pytest.raises(JobTimeoutException):
		of_frappe({"method": Slow(), "kwargs": {}})


@pytest.mark.parametrize("chars", [10_000_000, 50_000_000])
def test_a_huge_message_costs_next_to_nothing_and_keeps_the_frames(chars: int) -> None:
	error = raised(ValueError("key=a1b2c3 " * (chars // 11)))
	began = time.process_time()
	failure = describe(error, {}, Redactor())
	assert time.process_time() - began < 0.3
	assert len(failure.message) <= limits.MESSAGE_CHARS and failure.message.endswith("…")
	assert frames(failure.traceback) and "a1b2c3" not in failure.message + failure.traceback


def test_huge_arguments_cost_next_to_nothing() -> None:
	arguments = {f"a{n}": "key=a1b2c3 " * 10_000 for n in range(200)}
	began = time.process_time()
	failure = failure_of(ValueError("x"), arguments)
	assert time.process_time() - began < 0.3
	assert failure.arguments.endswith("…")


def test_a_secret_is_masked_where_a_text_is_cut() -> None:
	for length in range(limits.MESSAGE_CHARS - 60, limits.MESSAGE_CHARS + 10):
		message = "x" * length + " https://jane:hunter2-and-more@a.example/" + " y" * 40_000
		failure = failure_of(ValueError(message))
		assert "hunter" not in failure.message and "hunter" not in failure.traceback
