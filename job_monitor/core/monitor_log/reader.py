"""Sums up `logs/monitor.json.log`, which Frappe writes where `monitor` is on, by method.

A line is a JSON object (`frappe/monitor.py`): `duration` and `job.wait` in microseconds (the reference says ms, the code
writes microseconds), `timestamp` in UTC (when the run began), `site`, `uuid`, `transaction_type`, and with this app
`queue`. Known faults of the log: records written twice (`duplicates`), and lines of several sites glued together.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from job_monitor.core.monitor_log.log_segments import Piece, files, pieces
from job_monitor.core.monitor_log.monitor_report import MonitorFilters, MonitorReport
from job_monitor.core.monitor_log.record_counter import RecordCounter
from job_monitor.core.monitor_log.totals import OTHERS

__all__ = ["OTHERS", "files", "read"]

TURN_ON = "bench set-config -g -p monitor 1"
"""What turns Frappe's monitor on, for every site of a bench."""


def read(
	paths: Sequence[Path],
	filters: MonitorFilters | None = None,
	seconds: float = float("inf"),
	progress: Callable[[int, int], None] | None = None,
) -> MonitorReport:
	"""The report of the files, read in this order and each from its end, for at most about `seconds`.

	Memory is bounded whatever the size. About 250,000 lines a second. With `since`, reading a file ends where a whole
	piece of it is older.

	Args:
		progress: Called after each piece with (bytes read, bytes in all).
	"""
	return _Reader(filters or MonitorFilters(), time.monotonic() + seconds, progress).run(paths)


class _Reader:
	def __init__(
		self, filters: MonitorFilters, deadline: float, progress: Callable[[int, int], None] | None
	) -> None:
		self.filters = filters
		self.deadline = deadline
		self.progress = progress
		self.counter = RecordCounter(filters)
		self.inodes: set[int] = set()
		self.problem = ""

	def run(self, paths: Sequence[Path]) -> MonitorReport:
		sizes = [_size(path) for path in paths]
		done = 0
		for path, size in zip(paths, sizes, strict=True):
			read, complete = self._file(path, done, sum(sizes))
			if not complete:
				return self._report(min(done + read, sum(sizes)), sum(sizes), complete=False)
			done += size
		return self._report(done, sum(sizes), complete=True)

	def _file(self, path: Path, done: int, total: int) -> tuple[int, bool]:
		"""Read a file. Returns the bytes read, and whether the time sufficed for all that the filters need."""
		piece = Piece(b"", 0, forward=False)
		try:
			with path.open("rb") as file:
				status = os.fstat(file.fileno())
				# The file may have been renamed since it was listed, and be read already
				if status.st_ino in self.inodes or self._is_older(status.st_mtime):
					return 0, True
				self.inodes.add(status.st_ino)
				self.counter.duplicates.turn(forward=False)
				for piece in pieces(file, compressed=path.suffix == ".gz"):
					older = self.counter.count(piece)
					if self.progress:
						self.progress(done + piece.read, total)
					if older:
						break
					if time.monotonic() > self.deadline:
						return piece.read, piece.read >= status.st_size
		except (OSError, EOFError, zlib.error) as error:
			self.problem = f"{path.name}: {getattr(error, 'strerror', None) or error}"
		return piece.read, True

	def _is_older(self, written_at: float) -> bool:
		since = self.filters.since
		return since is not None and written_at < since.timestamp()

	def _report(self, read_bytes: int, total: int, complete: bool) -> MonitorReport:
		totals = self.counter.totals
		return MonitorReport(
			totals.by_method(),
			totals.slowest_runs(),
			totals.by_hour(),
			jobs=totals.jobs,
			bytes_read=read_bytes,
			bytes_total=total,
			complete=complete,
			problem=self.problem,
			sites=totals.sites.result(),
			queues=totals.queues.result(),
			**self.counter.counts,
		)


def _size(path: Path) -> int:
	try:
		return path.stat().st_size
	except OSError:
		return 0
