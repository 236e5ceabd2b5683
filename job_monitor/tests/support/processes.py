"""Processes of the tests: what ends with them."""

from __future__ import annotations

import ctypes
import signal
import sys

import psutil


def die_with_parent() -> None:
	"""For `preexec_fn`: a test run that is killed leaves no process behind."""
	if sys.platform == "linux":
		ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def kill_tree(pid: int) -> None:
	"""SIGKILL a worker and the processes of its jobs, which are in process groups of their own.

	A stopped worker begins no other job meanwhile.
	"""
	try:
		parent = psutil.Process(pid)
		parent.suspend()
		processes = [parent, *parent.children(recursive=True)]
	except psutil.NoSuchProcess:
		return
	for process in processes:
		try:
			process.kill()
		except psutil.NoSuchProcess:
			continue
