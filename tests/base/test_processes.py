"""Facts about processes of this host, read from processes that run."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from job_monitor.core import clock, processes

HERE = socket.gethostname()

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[str]]:
	"""A Python that runs this, and has written a line."""
	with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
		assert process.stdout
		process.line = process.stdout.readline().strip()  # type: ignore[attr-defined]
		try:
			yield process
		finally:
			process.kill()


IDLE = "import time; print('up', flush=True); time.sleep(60)"


def test_a_process_that_ended_is_gone_also_before_its_parent_has_collected_it() -> None:
	with child(IDLE) as process:
		assert not processes.is_gone(HERE, process.pid)
		process.kill()
		os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
		assert processes.is_gone(HERE, process.pid)
		assert not processes.is_gone("elsewhere.example", process.pid)
	assert processes.is_gone(HERE, process.pid)
	assert processes.resident_bytes(process.pid) is None
	with pytest.raises(LookupError):
		processes.look(process.pid)


@pytest.mark.parametrize("pid", [-1, 0, 2**31 - 1, 2**31, 2**70])
def test_any_number_that_a_worker_left_is_answered(pid: int) -> None:
	assert processes.is_gone(HERE, pid) is (pid > 0)
	assert processes.resident_bytes(pid) is None
	with pytest.raises(LookupError):
		processes.look(pid)


def test_a_process_is_seen_with_its_user_command_and_birth() -> None:
	before = clock.now()
	with child(IDLE) as process:
		owner, command, born = processes.look(process.pid)
	assert (owner, command) == (os.geteuid(), [sys.executable, "-c", IDLE])
	assert abs(born - before) < timedelta(seconds=60)


def test_memory_grows_with_what_a_process_holds() -> None:
	with child("x = b'x' * 80_000_000; " + IDLE) as large, child(IDLE) as small:
		found = [processes.resident_bytes(process.pid) for process in (large, small)]
	assert None not in found and 70 < (found[0] - found[1]) / 1e6 < 90  # type: ignore[operator]


def test_the_newest_fork_is_the_horse_and_no_other_child_is() -> None:
	code = """
import os, subprocess, sys, time
forks = []
for _ in range(2):
	forks.append(os.fork())
	if not forks[-1]:
		time.sleep(60)
	time.sleep(0.05)
other = subprocess.Popen(["sleep", "60"])
print(*forks, other.pid, flush=True)
time.sleep(60)
"""
	with child(code) as process:
		pids = [int(pid) for pid in process.line.split()]  # type: ignore[attr-defined]
		try:
			assert processes.newest_fork(process.pid) == pids[1]
		finally:
			for pid in pids:
				os.kill(pid, signal.SIGKILL)
	with child(IDLE) as alone:
		assert processes.newest_fork(alone.pid) is None


@pytest.mark.parametrize("handler", [True, False])
def test_a_signal_that_would_end_a_process_is_known(handler: bool) -> None:
	code = "import signal; signal.signal(signal.SIGUSR1, print); " if handler else ""
	with child(code + IDLE) as process:
		assert processes.handles(process.pid, signal.SIGUSR1) is handler


def test_a_lock_is_looked_at_without_taking_it(tmp_path: Path) -> None:
	file = tmp_path / "lock"
	assert processes.holds_lock(file) is False
	with file.open("w") as opened:
		assert processes.holds_lock(file) is False
		fcntl.flock(opened, fcntl.LOCK_EX)
		assert processes.holds_lock(file) is True


def test_readers_of_workers_import_psutil_only_where_a_process_is_read() -> None:
	code = "import sys, job_monitor.core.rq.workers, job_monitor.core.acts.stack; sys.exit('psutil' in sys.modules)"
	assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
