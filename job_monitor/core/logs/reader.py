"""Newest entries of a log, older ones, and those written next, at the same cost whatever its size.

One request reads little more than `limits.LOG_PAGE_BYTES`. A cursor is found again after rotation by renaming, by
copying, and after truncation (`cursor`). Logs are named, never given by path (`names`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from job_monitor.core import limits
from job_monitor.core.logs import catalog, headings, names, records, sites
from job_monitor.core.logs.blocks import back_from, record_start
from job_monitor.core.logs.cursor import LogCursor
from job_monitor.core.logs.pages import ALL, GONE, LogFilter, LogPage
from job_monitor.core.logs.records import LEVELS, LogRecord
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.wording import say


class Log:
	"""One log of a bench, or of a site, in pages.

	Args:
		name: One of `names.NAMES`.
		site: This site's own log of that name instead.
		only_of: Only entries that are proven to be of this site, see `sites`.

	Attributes:
		left_out: Entries that were read and are not proven to be of that site.

	Raises:
		InvalidQuery: No such log or site.
	"""

	def __init__(
		self, bench: Path, name: str, site: str = "", redactor: Redactor | None = None, only_of: str = ""
	) -> None:
		self.log = names.known(name)
		self.folder = catalog.folder_of(bench, self.log, site)
		self.redactor = redactor or Redactor()
		self.only_of = only_of
		self.left_out = 0

	def tail(self, filters: LogFilter = ALL, cursor: str = "") -> LogPage:
		"""The newest entries, or those before a page's `older`; those in rotated files included.

		Raises:
			InvalidQuery: The cursor was not made here.
		"""
		place = LogCursor.read(cursor) if cursor else None
		paths = catalog.with_rotated(self.folder, self.log)
		first = place.find(self.folder, paths) if place else 0
		if first is None or not paths:
			note = catalog.why(self.log, FileNotFoundError()) if not paths else GONE
			return LogPage(self.log.name, newer=str(LogCursor(0, 0)), note=note)
		return _Tail(self, filters).run(paths[first:], place)

	def follow(
		self, cursor: str, filters: LogFilter = ALL, settle: float = limits.LOG_SETTLE_SECONDS
	) -> LogPage:
		"""Entries written since a page's `newer`. The last one is left for the next page while it is younger than `settle` seconds.

		An entry that grew since it was shown is in the page again, under the same key.

		Raises:
			InvalidQuery: The cursor was not made here.
		"""
		place = LogCursor.read(cursor)
		paths = catalog.with_rotated(self.folder, self.log)
		first = place.find(self.folder, paths)
		if not paths:
			return LogPage(self.log.name, newer=cursor, note=catalog.why(self.log, FileNotFoundError()))
		lost = first is None and place.inode != 0
		following = _Follow(self, filters, settle, place, GONE if lost else "")
		return following.run(paths[: (first or 0) + 1], None if first is None else place)

	def record(self, inode: int, offset: int, raw: bytes, filters: LogFilter) -> LogRecord | None:
		"""The record of these bytes, None if the filters leave it out."""
		if self.only_of and raw.strip():
			part = sites.own(self.log, raw, self.only_of)
			self.left_out += part is None
			raw = part or b""
		level = headings.level_of(raw, self.log.level)
		if not raw.strip() or (filters.level and LEVELS.index(level) < LEVELS.index(filters.level)):
			return None
		text = filters.text.lower()
		# Most records are ruled out without being redacted
		if text.isascii() and "*" not in text and text.encode() not in raw.lower():
			return None
		record = records.parse(f"{inode:x}-{offset:x}", raw, level, self.redactor)
		return record if text in record.text.lower() else None


class _Tail:
	"""Reads a log back until the page is full, or enough was read."""

	def __init__(self, log: Log, filters: LogFilter) -> None:
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
			for start, raw in reversed([*records.group(data)] or [(0, b"")]):
				at = offset + start
				if record := self.log.record(inode, at, raw, self.filters):
					self.records.append(record)
				self.read = before + end - at
				if len(self.records) >= self.filters.records or self.read >= limits.LOG_PAGE_BYTES:
					self.older = str(LogCursor.of(file, at)) if at or not is_last else ""
					self.full = True
					return


class _Follow:
	"""Reads a log on from a cursor, through the files that were begun since."""

	def __init__(self, log: Log, filters: LogFilter, settle: float, place: LogCursor, note: str) -> None:
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
		groups = list(records.group(data))
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
