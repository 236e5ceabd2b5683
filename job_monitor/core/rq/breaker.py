"""Leaves a Redis that gave no answer alone for a while, in all processes of a worker at once."""

from __future__ import annotations

import mmap
import struct
import time

from job_monitor.core import limits

_STATE = struct.Struct("dQ")
"""When the rest ends (by `time.monotonic`, which all processes of a host share), and the runs it has cost."""


class Breaker:
	"""Rests after a failure, and counts what is not told meanwhile.

	A worker forks a work-horse for each job, and what a horse remembers dies with it. So the state lies in a page of
	memory that the worker makes before it forks (this module is imported by `bench worker`, see
	`job_monitor.commands`) and that its horses share. A worker that does not fork has it to itself. Two horses of one
	worker never run at a time, so nothing is locked.
	"""

	def __init__(self) -> None:
		self._page = mmap.mmap(-1, mmap.PAGESIZE)

	def rests(self) -> bool:
		"""Whether Redis is to be left alone now."""
		ends_at = self._read()[0]
		return 0.0 < ends_at - time.monotonic() <= limits.HOOK_REST_SECONDS

	def trip(self) -> None:
		self._write(time.monotonic() + limits.HOOK_REST_SECONDS, self._read()[1])

	def reset(self) -> None:
		"""Redis answers, and has been told of what was counted."""
		self._write(0.0, 0)

	def count(self) -> None:
		"""One more run was not told."""
		ends_at, number = self._read()
		self._write(ends_at, number + 1)

	@property
	def counted(self) -> int:
		return self._read()[1]

	def _read(self) -> tuple[float, int]:
		ends_at, number = _STATE.unpack_from(self._page)
		return float(ends_at), int(number)

	def _write(self, ends_at: float, number: int) -> None:
		_STATE.pack_into(self._page, 0, ends_at, number)
