"""The entries that a log gets after a cursor."""

from __future__ import annotations

import os
import time
from pathlib import Path

from job_monitor.core import limits
from job_monitor.core.logs import catalog, log_records
from job_monitor.core.logs.log_blocks import record_start
from job_monitor.core.logs.log_cursor import LogCursor
from job_monitor.core.logs.log_pages import LogFilter, LogPage
from job_monitor.core.logs.log_records import LogRecord
from job_monitor.core.logs.log_source import LogSource


class Follow:
	"""Reads a log on from a cursor, through the files that were begun since."""

	def __init__(
		self, log: LogSource, filters: LogFilter, settle: float, place: LogCursor, note: str
	) -> None:
		self.log = log
		self.filters = filters
		self.settle = settle
		self.newer = str(place)
		self.note = note
		self.records: list[LogRecord] = []
		self.read = 0

	def run(self, paths: list[Path], place: LogCursor | None) -> LogPage:
		"""The page.

		Args:
			paths: The log's files, the newest first.
			place: Where to begin in the last of them; None for its beginning.
		"""
		for number in range(len(paths) - 1, -1, -1):
			try:
				with catalog.opened(self.log.folder, paths[number]) as file:
					if place and not place.fits(file):
						break  # rotated between two looks; the next call finds it
					if not self._file(file, place.offset if place else 0, is_current=number == 0):
						break
			except OSError as error:
				self.note = catalog.why(self.log.log, error)
			place = None
		return LogPage(
			self.log.log.name, tuple(self.records), newer=self.newer, bytes_read=self.read, note=self.note
		)

	def _file(self, file: int, seen: int, is_current: bool) -> bool:
		"""Read a file on from an offset. Returns whether its end was reached."""
		status = os.fstat(file)
		if status.st_size == seen:
			self.newer = str(LogCursor.of(file, seen))
			return True
		start = record_start(file, seen)
		at = max(start, seen)
		data = os.pread(file, limits.LOG_PAGE_BYTES, start)
		at_end = start + len(data) >= status.st_size
		young = is_current and 0 <= time.time() - status.st_mtime < self.settle
		groups = list(log_records.group(data))
		# The last record may be incomplete; if it is all that could be read, it is shown cut
		if groups and (young if at_end else start + groups[-1][0] > seen):
			del groups[-1]
		for begin, raw in groups:
			end = start + begin + len(raw)
			if end > seen and len(self.records) < self.filters.records:
				self._add(status.st_ino, start + begin, raw)
				at = end
		self.newer = str(LogCursor.of(file, at))
		self.read += at - seen
		return at == status.st_size

	def _add(self, inode: int, offset: int, raw: bytes) -> None:
		if record := self.log.record(inode, offset, raw, self.filters):
			self.records.append(record)
