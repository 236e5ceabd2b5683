"""The newest entries of a log, or those before a cursor."""

from __future__ import annotations

import os
from pathlib import Path

from job_monitor.core import limits
from job_monitor.core.logs import catalog, log_records
from job_monitor.core.logs.log_blocks import back_from
from job_monitor.core.logs.log_cursor import LogCursor
from job_monitor.core.logs.log_pages import GONE, LogFilter, LogPage
from job_monitor.core.logs.log_records import LogRecord
from job_monitor.core.logs.log_source import LogSource
from job_monitor.core.wording import say


class Tail:
	"""Reads a log back until the page is full, or enough was read."""

	def __init__(self, log: LogSource, filters: LogFilter) -> None:
		self.log = log
		self.filters = filters
		self.records: list[LogRecord] = []
		self.read = 0
		self.full = False
		self.older = self.newer = self.note = ""

	def run(self, paths: list[Path], place: LogCursor | None) -> LogPage:
		"""The page.

		Args:
			paths: The log's files, the newest first.
			place: Where to begin in the first of them; None for its end.
		"""
		for number, path in enumerate(paths):
			try:
				with catalog.opened(self.log.folder, path) as file:
					if number == 0 and place and not place.fits(file):
						self.note = GONE
						break
					end = place.offset if number == 0 and place else os.fstat(file).st_size
					self._file(file, end, is_last=number == len(paths) - 1)
			except OSError as error:
				self.note = self.note or catalog.why(self.log.log, error)
			if self.full:
				break
		if not self.records and not self.note:
			self.note = self._nothing()
		newer = self.newer or str(LogCursor(0, 0))
		return LogPage(self.log.log.name, tuple(self.records[::-1]), self.older, newer, self.read, self.note)

	def _nothing(self) -> str:
		if not self.read:
			return say("{0} is empty", self.log.log.file)
		if self.older:
			return say("no entry matches in what was read; go on with the older ones")
		return say("no entry matches")

	def _file(self, file: int, end: int, is_last: bool) -> None:
		inode = os.fstat(file).st_ino
		self.newer = self.newer or str(LogCursor.of(file, end))
		before = self.read
		for offset, data in back_from(file, end):
			for start, raw in reversed([*log_records.group(data)] or [(0, b"")]):
				at = offset + start
				if record := self.log.record(inode, at, raw, self.filters):
					self.records.append(record)
				self.read = before + end - at
				if len(self.records) >= self.filters.records or self.read >= limits.LOG_PAGE_BYTES:
					self.older = str(LogCursor.of(file, at)) if at or not is_last else ""
					self.full = True
					return
