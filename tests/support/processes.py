"""Worker processes: real RQ workers, whose jobs really run, fail, hang and get killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.jobs import full

ROOT = Path(__file__).parents[2]
BURST_SECONDS = 60.0
"""A burst worker that takes longer than this hangs."""


def wait_until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
	"""What `condition` answers, as soon as that is true.

	Raises:
		AssertionError: It did not become true in time.
	"""
	until = time.monotonic() + seconds
	while not (answer := condition()):
		assert time.monotonic() < until, f"did not happen within {seconds:.0f} s"
		time.sleep(0.02)
	return answer


class Workers:
	"""Starts RQ workers in processes of their own, and ends those that are left."""

	def __init__(self, url: str) -> None:
		self.url = url
		self.processes: list[subprocess.Popen[bytes]] = []

	def _start(self, queues: tuple[str, ...], *options: str) -> subprocess.Popen[bytes]:
		names = ",".join(full(queue) for queue in queues or ("default",))
		process = subprocess.Popen(
			[sys.executable, "-m", "job_monitor.cli.demo.jobs", self.url, names, *options],
			env=os.environ | {"PYTHONPATH": str(ROOT)},
			stdin=subprocess.DEVNULL,
			stderr=subprocess.PIPE,
			start_new_session=True,
		)
		self.processes.append(process)
		return process

	def burst(self, *queues: str) -> None:
		"""Run what waits in these queues (`default` if none is named), then return."""
		process = self._start(queues, "--burst")
		_, errors = process.communicate(timeout=BURST_SECONDS)
		assert process.returncode == 0, errors.decode("utf-8", "replace")

	def start(self, *queues: str) -> subprocess.Popen[bytes]:
		"""A worker that stays until `terminate()`, `kill()` or the test's end. It is not yet born at once."""
		return self._start(queues)

	def kill(self, process: subprocess.Popen[bytes]) -> None:
		"""As when its host loses power: it and its job's process are gone, what they wrote stays."""
		process.kill()
		process.wait()

	def stop_all(self) -> None:
		for process in self.processes:
			if process.poll() is None:
				process.send_signal(signal.SIGKILL)
			process.communicate()
