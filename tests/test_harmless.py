"""What runs inside someone else's job: its errors stay in there, RQ's time limit does not."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
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
def harmless(log: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
	"""The class, with Frappe's logger (the last door) as a list."""
	name = "job_monitor.recorder.harmless"
	monkeypatch.setitem(sys.modules, "frappe", SimpleNamespace(logger=lambda _module: log))
	sys.modules.pop(name, None)
	yield importlib.import_module(name).harmless
	sys.modules.pop(name, None)


def test_an_error_is_logged_and_goes_no_further(harmless: Any, log: Log) -> None:
	error = ValueError("ours")

	@harmless("lost")
	def function() -> str:
		raise error

	assert function() is None
	with harmless("lost too"):
		raise error
	assert log == [("lost", error), ("lost too", error)]


def test_many_errors_of_one_block_are_logged_once(harmless: Any, log: Log) -> None:
	guard = harmless("lost", once=True)
	for _n in range(3):
		with guard:
			raise ConnectionError("gone")
	assert len(log) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, JobTimeoutException])
def test_what_ends_the_job_passes(error: type[BaseException], harmless: Any, log: Log) -> None:
	with pytest.raises(error), harmless("lost"):
		raise error
	assert log == []


def test_the_real_time_limit_ends_our_own_code(harmless: Any) -> None:
	began = time.monotonic()
	with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):
		with harmless("outer"), harmless("inner"):
			time.sleep(10)
	assert time.monotonic() - began < 5


def test_a_log_that_cannot_be_written_stops_no_job(harmless: Any, monkeypatch: pytest.MonkeyPatch) -> None:
	def full(_module: str) -> Any:
		raise OSError(28, "No space left on device")

	monkeypatch.setattr(sys.modules["frappe"], "logger", full)
	reached = False
	with harmless("lost"):
		reached = True
		raise ValueError("ours")
	assert reached


def test_the_time_limit_passes_while_the_log_is_written(
	harmless: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(sys.modules["frappe"], "logger", lambda _module: time.sleep(10))
	with pytest.raises(JobTimeoutException), UnixSignalDeathPenalty(1, JobTimeoutException):
		with harmless("lost"):
			raise ValueError("ours")
