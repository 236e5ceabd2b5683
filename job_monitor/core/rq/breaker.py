"""A pause after Redis gave no answer, shared by all processes of a worker."""

from __future__ import annotations

import mmap
import struct
import time

from job_monitor.core import limits

_STATE = struct.Struct("dQ")
"""When the rest ends (by `time.monotonic`, which all processes of a host share), and the runs it has cost."""


class Breaker:
	"""A pause after a failure, and the number of runs that were not reported meanwhile.

	A worker forks a work-horse for each job, and what a horse remembers dies with it. So the state lies in a page of
	memory that the worker makes before it forks (this module is imported by `bench worker`, see
	`job_monitor.commands`) and that its horses share. A worker that does not fork has it to itself. Two horses of one
	worker never run at a time, so nothing is locked.
	"""

	def __init__(self) -> None:
		self._page = mmap.mmap(-1, mmap.PAGESIZE)

	def rests(self) -> bool:
		"""Whether the pause lasts, so that Redis must not be asked."""
		ends_at = self._read()[0]
		return 0.0 < ends_at - time.monotonic() <= limits.HOOK_REST_SECONDS

	def trip(self) -> None:
		self._write(time.monotonic() + limits.HOOK_REST_SECONDS, self._read()[1])

	def reset(self) -> None:
		"""End the pause: Redis answers, and has the number of runs."""
		self._write(0.0, 0)

	def count(self) -> None:
		"""Count one more run that was not reported."""
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
