"""What a worker's process is doing right now: the stack of the process that runs its job.

Only processes of this host and user that are really this worker are touched. By py-spy where it is installed, which the
process does not notice; otherwise, on Linux, by SIGUSR1, on which Frappe's processes write their stack to their stderr
(`frappe/__init__.py`, `faulthandler.register`), usually `logs/worker.error.log`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from job_monitor.core import limits, processes
from job_monitor.core.errors import StackUnavailable
from job_monitor.core.rq.records import Worker
from job_monitor.core.wording import say

_THREAD = re.compile(r"^(?:Current t|T)hread 0x", re.MULTILINE)
_BIRTH_SLACK = timedelta(seconds=90)


@dataclass(frozen=True)
class Stack:
	"""The stack of one process.

	Attributes:
		pid: The process: the work-horse that runs the job, or the worker itself where it runs jobs without a fork
			or runs none.
		by: py-spy or SIGUSR1.
	"""

	text: str
	pid: int
	by: str


def take(worker: Worker) -> Stack:
	"""The stack of the process that runs this worker's job. Takes up to a few seconds.

	Raises:
		StackUnavailable: Another host or user, gone, no worker, no way to look. Says what to do instead.
	"""
	pid = _own_process(worker)
	target = processes.newest_fork(pid) or pid
	pyspy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
	if pyspy and (text := _by_pyspy(pyspy, target)):
		return Stack(text, target, "py-spy")
	return Stack(_by_signal(target), target, "SIGUSR1")


def _own_process(worker: Worker) -> int:
	"""The worker's process id, after making sure that it is the worker's, on this host, and ours."""
	if worker.hostname and not processes.is_here(worker.hostname):
		raise StackUnavailable(
			say(
				"the worker runs on {0}; run there, in the bench: {1}",
				worker.hostname,
				f"job-monitor stack {worker.name}",
			)
		)
	if worker.pid is None or worker.is_dead:
		raise StackUnavailable(say("its process is gone"))
	try:
		owner, command, born = processes.look(worker.pid)
	except LookupError:
		raise StackUnavailable(say("its process is gone")) from None
	except OSError as error:
		raise StackUnavailable(say("process {0} cannot be looked at: {1}", worker.pid, error)) from None
	if owner != os.geteuid():
		raise StackUnavailable(say("process {0} belongs to another user", worker.pid))
	if not {"worker", "worker-pool"} & set(command):  # bench worker, bench worker-pool, rq worker
		raise StackUnavailable(say("process {0} of this host is no worker", worker.pid))
	if worker.birth_date and born > worker.birth_date + _BIRTH_SLACK:
		raise StackUnavailable(
			say("process {0} of this host is younger than the worker: it is another one", worker.pid)
		)
	return worker.pid


def _by_pyspy(program: str, pid: int) -> str:
	"""The stack, "" if py-spy may not look (it needs ptrace)."""
	command = [program, "dump", "--pid", str(pid)]
	try:
		done = subprocess.run(command, capture_output=True, timeout=limits.STACK_SECONDS)
	except (OSError, subprocess.TimeoutExpired):
		return ""
	return done.stdout.decode("utf-8", "replace")[: limits.TEXT_CHARS] if done.returncode == 0 else ""


def _by_signal(pid: int) -> str:
	if not processes.handles(pid, signal.SIGUSR1):
		raise StackUnavailable(
			say(
				"process {0} does not write its stack on SIGUSR1 (the signal would end it); install py-spy: {1}",
				pid,
				"pip install py-spy",
			)
		)
	log = processes.stderr_of(pid)
	try:
		goes_to_file = log.resolve().is_file()
		start = log.stat().st_size if goes_to_file else 0
		os.kill(pid, signal.SIGUSR1)
	except OSError as error:
		raise StackUnavailable(say("process {0} cannot be signalled: {1}", pid, error)) from None
	if not goes_to_file:
		raise StackUnavailable(
			say("process {0} wrote its stack to {1}, which cannot be read back", pid, os.readlink(log))
		)
	return _new_part(log, start)


def _new_part(log: Path, start: int) -> str:
	"""What was written from `start` on, from the first thread's line, once it has stopped growing."""
	deadline = time.monotonic() + limits.STACK_SECONDS
	text = ""
	while time.monotonic() < deadline:
		time.sleep(0.1)
		try:
			with log.open("rb") as file:
				file.seek(start)
				grown = file.read(limits.TEXT_CHARS).decode("utf-8", "replace")
		except OSError as error:
			raise StackUnavailable(say("its log cannot be read: {0}", error)) from None
		if grown == text and (first := _THREAD.search(text)):
			return text[first.start() :]
		text = grown
	raise StackUnavailable(
		say("nothing was written within {0} s: the process may hang in C code", round(limits.STACK_SECONDS))
	)
