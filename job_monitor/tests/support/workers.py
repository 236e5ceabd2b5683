"""Real workers of Frappe, on the Redis of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from frappe.utils import get_bench_path

from job_monitor.tests.support.processes import die_with_parent, kill_tree


def _worker(*queues: str, burst: bool, stderr: str = os.devnull) -> subprocess.Popen[bytes]:
	command = [
		sys.executable,
		"-m",
		"frappe.utils.bench_helper",
		"frappe",
		"worker",
		"--queue",
		",".join(queues),
	]
	return subprocess.Popen(
		command + (["--burst"] if burst else []),
		cwd=os.path.join(get_bench_path(), "sites"),
		stdout=subprocess.DEVNULL,
		stderr=open(stderr, "ab"),
		start_new_session=True,
		preexec_fn=die_with_parent,
	)


def work_off(*queues: str) -> None:
	"""Let a real worker run all jobs that wait in these queues."""
	process = _worker(*queues, burst=True)
	try:
		process.wait(timeout=120)
	finally:
		kill_tree(process.pid)


@contextmanager
def worker(*queues: str, stderr: str = os.devnull) -> Iterator[subprocess.Popen[bytes]]:
	"""A real worker that stays until the end of the block."""
	process = _worker(*queues, burst=False, stderr=stderr)
	try:
		yield process
	finally:
		kill_tree(process.pid)
		process.wait()


def kill_horse(worker_pid: int) -> None:
	"""SIGKILL the process that runs the worker's job."""
	for process in psutil.Process(worker_pid).children():
		process.kill()
