"""Newest entries of a log, older ones, and what is written next, at the same cost whatever its size.

One request reads little more than `limits.LOG_PAGE_BYTES`. A cursor names a place in a log and is found again after rotation
by renaming, by copying, and after truncation (`log_places`). Logs are named, never given by path (`log_names`).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.logs import catalog, log_records, log_sites
from job_monitor.core.logs.log_cursor import LogCursor, back_from, record_start
from job_monitor.core.logs.log_records import LEVELS, LogRecord
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.wording import say


@dataclass(frozen=True)
class LogPage:
	"""Some entries of a log.

	Attributes:
		records: Oldest first.
		older: Cursor for `tail`, "" if nothing lies before.
		newer: Cursor for `follow`.
		bytes_read: Out of how much the entries were chosen.
		note: Why there are none, or what is missing; "" for nothing.
	"""

	name: str
	records: tuple[LogRecord, ...] = ()
	older: str = ""
	newer: str = ""
	bytes_read: int = 0
	note: str = ""


@dataclass(frozen=True)
class LogFilter:
	"""Which entries, and how many.

	Attributes:
		level: This level and more urgent ones; "" for all.
		text: Part of the entry as it is shown, in any case: what is masked is not found.
		records: At most so many.

	Raises:
		InvalidQuery: Out of bounds.
	"""

	level: str = ""
	text: str = ""
	records: int = 100

	def __post_init__(self) -> None:
		if self.level and self.level not in LEVELS:
			raise InvalidQuery(say("the level is one of {0}", ", ".join(LEVELS)))
		if len(self.text) > limits.PATTERN_CHARS:
			raise InvalidQuery(say("the text has at most {0} characters", limits.PATTERN_CHARS))
		if not 1 <= self.records <= limits.LOG_PAGE_RECORDS:
			raise InvalidQuery(say("1 to {0} entries", limits.LOG_PAGE_RECORDS))


ALL = LogFilter()


class Log:
	"""One log of a bench, or of a site.

	Args:
		name: One of `log_names.NAMES`.
		site: This site's own log of that name instead.
		only_of: Only what is proven to be of this site, see `log_sites`.

	Attributes:
		left_out: Entries that were not, of those that were read.

	Raises:
		InvalidQuery: No such log or site.
	"""

	def __init__(
		self, bench: Path, name: str, site: str = "", redactor: Redactor | None = None, only_of: str = ""
	) -> None:
		self.log = catalog.known(name)
		self.folder = catalog.folder_of(bench, self.log, site)
		self.redactor = redactor or Redactor()
		self.only_of = only_of
		self.left_out = 0

	def tail(self, wanted: LogFilter = ALL, cursor: str = "") -> LogPage:
		"""The newest entries, or those before a page's `older`; those in rotated files included.

		Raises:
			InvalidQuery: The cursor was not made here.
		"""
		place = LogCursor.read(cursor) if cursor else None
		paths = catalog.with_rotated(self.folder, self.log)
		first = place.find(self.folder, paths) if place else 0
		if first is None or not paths:
			note = catalog.why(self.log, FileNotFoundError()) if not paths else _GONE
			return LogPage(self.log.name, newer=str(LogCursor(0, 0)), note=note)
		return _Tail(self, wanted).run(paths[first:], place)

	def follow(
		self, cursor: str, wanted: LogFilter = ALL, settle: float = limits.LOG_SETTLE_SECONDS
	) -> LogPage:
		"""Entries written since a page's `newer`. The last one is held back while it is younger than `settle` seconds.

		An entry that grew since it was shown is there again, under the same key.

		Raises:
			InvalidQuery: The cursor was not made here.
		"""
		place = LogCursor.read(cursor)
		paths = catalog.with_rotated(self.folder, self.log)
		first = place.find(self.folder, paths)
		if not paths:
			return LogPage(self.log.name, newer=cursor, note=catalog.why(self.log, FileNotFoundError()))
		lost = first is None and place.inode != 0
		following = _Follow(self, wanted, settle, place, _GONE if lost else "")
		return following.run(paths[: (first or 0) + 1], None if first is None else place)

	def record(self, inode: int, offset: int, raw: bytes, wanted: LogFilter) -> LogRecord | None:
		"""The record, if it is wanted."""
		if self.only_of and raw.strip():
			part = log_sites.own(self.log, raw, self.only_of)
			self.left_out += part is None
			raw = part or b""
		level = log_records.level_of(raw, self.log.level)
		if not raw.strip() or (wanted.level and LEVELS.index(level) < LEVELS.index(wanted.level)):
			return None
		text = wanted.text.lower()
		# Most need no redaction to see that they do not match
		if text.isascii() and "*" not in text and text.encode() not in raw.lower():
			return None
		found = log_records.parse(f"{inode:x}-{offset:x}", raw, level, self.redactor)
		return found if text in found.text.lower() else None


_GONE = "the log was truncated or rotated away since; entries may be missing"


class _Tail:
	"""Reads back until it has what is wanted, or has read enough."""

	def __init__(self, log: Log, wanted: LogFilter) -> None:
		self.log = log
		self.wanted = wanted
		self.found: list[LogRecord] = []
		self.read = 0
		self.full = False
		self.older = self.newer = self.note = ""

	def run(self, paths: list[Path], place: LogCursor | None) -> LogPage:
		for number, path in enumerate(paths):
			try:
				with catalog.opened(self.log.folder, path) as file:
					if number == 0 and place and not place.fits(file):
						self.note = _GONE
						break
					end = place.offset if number == 0 and place else os.fstat(file).st_size
					self._file(file, end, is_last=number == len(paths) - 1)
			except OSError as error:
				self.note = self.note or catalog.why(self.log.log, error)
			if self.full:
				break
		if not self.found and not self.note:
			more = " in what was read; go on with the older ones" if self.older else ""
			self.note = f"no entry matches{more}" if self.read else f"{self.log.log.file} is empty"
		newer = self.newer or str(LogCursor(0, 0))
		return LogPage(self.log.log.name, tuple(self.found[::-1]), self.older, newer, self.read, self.note)

	def _file(self, file: int, end: int, is_last: bool) -> None:
		inode = os.fstat(file).st_ino
		self.newer = self.newer or str(LogCursor.of(file, end))
		before = self.read
		for offset, data in back_from(file, end):
			for start, raw in reversed([*log_records.group(data)] or [(0, b"")]):
				at = offset + start
				if record := self.log.record(inode, at, raw, self.wanted):
					self.found.append(record)
				self.read = before + end - at
				if len(self.found) >= self.wanted.records or self.read >= limits.LOG_PAGE_BYTES:
					self.older = str(LogCursor.of(file, at)) if at or not is_last else ""
					self.full = True
					return


class _Follow:
	"""Reads on from a place, through the files that were begun since."""

	def __init__(self, log: Log, wanted: LogFilter, settle: float, place: LogCursor, note: str) -> None:
		self.log = log
		self.wanted = wanted
		self.settle = settle
		self.newer = str(place)
		self.note = note
		self.found: list[LogRecord] = []
		self.read = 0

	def run(self, paths: list[Path], place: LogCursor | None) -> LogPage:
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
			self.log.log.name, tuple(self.found), newer=self.newer, bytes_read=self.read, note=self.note
		)

	def _file(self, file: int, seen: int, is_current: bool) -> bool:
		"""Read a file from what was seen of it on. Returns whether its end was reached."""
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
		# The last one may be half of one; if it is all that could be read, it is shown cut
		if groups and (young if at_end else start + groups[-1][0] > seen):
			del groups[-1]
		for begin, raw in groups:
			end = start + begin + len(raw)
			if end > seen and len(self.found) < self.wanted.records:
				self._take(status.st_ino, start + begin, raw)
				at = end
		self.newer = str(LogCursor.of(file, at))
		self.read += at - seen
		return at == status.st_size

	def _take(self, inode: int, offset: int, raw: bytes) -> None:
		if record := self.log.record(inode, offset, raw, self.wanted):
			self.found.append(record)
