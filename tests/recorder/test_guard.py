"""The guard of code in somebody else's job: errors end there, RQ's time limit passes."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty


class Log(list):
	def error(self, message: str, exc_info: BaseException) -> None:
		self.append((message, exc_info))


@pytest.fixture
def log() -> Log:
	return Log()


@pytest.fixture
def never_raises(log: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
	"""The class, with Frappe's logger (the last door) as a list."""
	name = "job_monitor.recorder.guard"
	monkeypatch.setitem(sys.modules, "frappe", SimpleNamespace(logger=lambda _module: log))
	sys.modules.pop(name, None)
	yield importlib.import_module(name).never_raises
	sys.modules.pop(name, None)


def test_handlers_are_set_without_the_wrappers_of_signal(never_raises: Any) -> None:
	guard = sys.modules[never_raises.__module__]
	assert guard._set_handler is not signal.signal and guard._get_handler is not signal.getsignal
	before = guard._set_handler(signal.SIGUSR1, guard._ring)
	try:
		assert signal.getsignal(signal.SIGUSR1) is guard._get_handler(signal.SIGUSR1) is guard._ring
	finally:
		guard._set_handler(signal.SIGUSR1, before)


def test_an_error_is_logged_and_goes_no_further(never_raises: Any, log: Log) -> None:
	error = ValueError("ours")

	@never_raises("lost")
	def function() -> str:
		raise error

	assert function() is None
	with never_raises("lost too"):
		raise error
	assert log == [("lost", error), ("lost too", error)]


def test_many_errors_of_one_block_are_logged_once(never_raises: Any, log: Log) -> None:
	guard = never_raises("lost", once=True)
	for _n in range(3):
		with guard:
			raise ConnectionError("gone")
	assert len(log) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, JobTimeoutException])
def test_an_exception_that_ends_the_job_passes(
	error: type[BaseException], never_raises: Any, log: Log
) -> None:
	with pytest.raises(error), never_raises("lost"):
		raise error
	assert log == []


def test_the_real_time_limit_ends_our_own_code(never_raises: Any) -> None:
	began = time.monotonic()
	with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):
		with never_raises("outer"), never_raises("inner"):
			time.sleep(10)
	assert time.monotonic() - began < 5


def test_a_log_that_cannot_be_written_stops_no_job(
	never_raises: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
	def full(_module: str) -> Any:
		raise OSError(28, "No space left on device")

	monkeypatch.setattr(sys.modules["frappe"], "logger", full)
	reached = False
	with never_raises("lost"):
		reached = True
		raise ValueError("ours")
	assert reached


def test_the_time_limit_passes_while_the_log_is_written(
	never_raises: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(sys.modules["frappe"], "logger", lambda _module: time.sleep(10))
	with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):
		with never_raises("lost"):
			raise ValueError("ours")


# Beside the job


@pytest.fixture
def beside(never_raises: Any) -> Callable[..., Any]:
	"""The decorator, of the same module."""
	found: Callable[..., Any] = sys.modules[never_raises.__module__].beside_the_job
	return found


def time_left() -> float:
	return signal.getitimer(signal.ITIMER_REAL)[0]


def test_the_clock_of_the_job_stands_still_while_we_run(beside: Any) -> None:
	@beside("lost", seconds=5, over=False)
	def hook() -> None:
		time.sleep(0.4)

	with UnixSignalDeathPenalty(1, JobTimeoutException):
		before = time_left()
		hook()
		assert before - time_left() < 0.1


def test_the_time_limit_of_the_job_does_not_ring_in_our_code(beside: Any, log: Log) -> None:
	done = []

	@beside("lost", seconds=5, over=False)
	def hook() -> None:
		time.sleep(1.2)
		done.append("all of it")

	with UnixSignalDeathPenalty(1, JobTimeoutException):
		hook()
		assert done == ["all of it"] and log == []
		with pytest.raises(JobTimeoutException):  # but in the job's own, as late as it would have without us
			time.sleep(5)


@pytest.mark.parametrize("over", [False, True])
def test_a_hook_that_takes_too_long_is_ended(beside: Any, log: Log, over: bool) -> None:
	@beside("lost", seconds=0.2, over=over)
	def hook() -> None:
		time.sleep(10)

	with UnixSignalDeathPenalty(5, JobTimeoutException):
		began = time.monotonic()
		hook()
		assert time.monotonic() - began < 1
		assert 4 < time_left() <= 5
		assert [message for message, _error in log] == ["lost"]


def test_a_guarded_function_within_another_shares_its_limit(beside: Any, log: Log) -> None:
	done: list[str] = []

	@beside("inner", seconds=0.4, over=False)
	def wait() -> None:
		try:
			time.sleep(10)
		finally:
			done.append("inner")

	@beside("outer", seconds=0.5, over=True)
	def hook() -> None:
		time.sleep(0.3)
		wait()
		done.append("not reached")

	with UnixSignalDeathPenalty(5, JobTimeoutException):
		began = time.monotonic()
		hook()
		assert time.monotonic() - began < 0.65
		assert 4 < time_left() <= 5
	assert done == ["inner"]
	assert [message for message, _error in log] == ["outer"]


def test_our_own_limit_passes_the_guards_within(beside: Any, never_raises: Any) -> None:
	@beside("lost", seconds=0.2, over=True)
	def hook() -> None:
		for _n in range(20):
			with never_raises("inner"):
				time.sleep(1)

	began = time.monotonic()
	hook()
	assert time.monotonic() - began < 0.9


def test_a_limit_that_rings_after_the_job_goes_no_further(beside: Any) -> None:
	def hook() -> None:
		raise JobTimeoutException

	beside("lost", seconds=1, over=True)(hook)()
	with pytest.raises(JobTimeoutException):
		beside("lost", seconds=1, over=False)(hook)()


def test_an_error_beside_the_job_is_logged_and_goes_no_further(beside: Any, log: Log) -> None:
	def hook() -> None:
		raise ValueError("ours")

	with UnixSignalDeathPenalty(5, JobTimeoutException):
		beside("lost", seconds=1, over=False)(hook)()
		assert 4 < time_left() <= 5
	assert [message for message, _error in log] == ["lost"]
	assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_a_job_without_limit_has_none_afterwards(beside: Any) -> None:
	beside("lost", seconds=1, over=False)(lambda: None)()
	assert time_left() == 0


def test_in_a_thread_no_alarm_is_touched(beside: Any) -> None:
	done: list[float] = []
	with UnixSignalDeathPenalty(5, JobTimeoutException):
		hook = beside("lost", seconds=1, over=False)(lambda: done.append(time_left()))
		thread = threading.Thread(target=hook)
		thread.start()
		thread.join()
	assert done and done[0] > 4
