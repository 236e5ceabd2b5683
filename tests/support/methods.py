"""What the jobs of tests run. Named in jobs as `tests.support.methods.<name>`."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import rq


def succeed(**arguments: Any) -> str:
	return "done"


def fail(message: str = "it went wrong", **arguments: Any) -> None:
	raise ValueError(message)


def hang(seconds: float = 3600, **arguments: Any) -> None:
	"""Until RQ's timeout ends it."""
	time.sleep(seconds)


def ignore_timeout(seconds: float = 3600, **arguments: Any) -> None:
	"""Hangs where RQ's timeout cannot reach it."""
	signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
	time.sleep(seconds)


def die(**arguments: Any) -> None:
	"""As when the kernel's out-of-memory killer ends a job's process."""
	os.kill(os.getpid(), signal.SIGKILL)


def progress(percent: float, seconds: float = 0, **arguments: Any) -> None:
	job = rq.get_current_job()
	assert job is not None
	job.meta["progress"] = percent
	job.save_meta()
	time.sleep(seconds)


ran_in: list[int] = []
"""Grows when `leave_a_trace` runs: nothing that only reads may make it grow."""


def leave_a_trace(**arguments: Any) -> None:
	ran_in.append(os.getpid())
