"""Places in a log, which survive its rotation, and reading in pieces from there on or back to its beginning."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.logs import catalog, log_records
from job_monitor.core.wording import say

_HEAD_BYTES = 256
_COPY_BYTES = 32
"""So many first bytes must be alike for a file to be a copy of another."""

_CURSOR = re.compile(r"([\da-f]{1,16})-([\da-f]{1,15})-([\da-f]{1,3})-([\da-f]{1,8})", re.ASCII)
_BLOCK = limits.LOG_BLOCK_BYTES


@dataclass(frozen=True)
class LogCursor:
	"""An offset in a file that is known by its inode and by a checksum of its first `head` bytes."""

	inode: int
	offset: int
	head: int = 0
	checksum: int = 0

	def __str__(self) -> str:
		return f"{self.inode:x}-{self.offset:x}-{self.head:x}-{self.checksum:x}"

	@classmethod
	def read(cls, cursor: str) -> LogCursor:
		"""
		Raises:
			InvalidQuery: The cursor was not made by this module.
		"""
		found = _CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None
		place = cls(*(int(part, 16) for part in found.groups())) if found else None
		if place is None or place.head > min(_HEAD_BYTES, place.offset):
			raise InvalidQuery(say("the cursor is none of a log's"))
		return place

	@classmethod
	def of(cls, file: int, offset: int) -> LogCursor:
		"""The place at this offset of an open file."""
		head = os.pread(file, min(_HEAD_BYTES, offset), 0)
		return cls(os.fstat(file).st_ino, offset, len(head), zlib.crc32(head))

	def fits(self, file: int) -> bool:
		"""Whether this open file is the one, not truncated since, or begins like it and is as long: a copy."""
		status = os.fstat(file)
		if status.st_size < self.offset or (status.st_ino != self.inode and self.head < _COPY_BYTES):
			return False
		return zlib.crc32(os.pread(file, self.head, 0)) == self.checksum

	def find(self, folder: Path, paths: list[Path]) -> int | None:
		"""Which of the files the place lies in: the same file before a copy of it. None if it is gone."""
		fitting: list[tuple[bool, int]] = []
		for number, path in enumerate(paths):
			try:
				with catalog.opened(folder, path) as file:
					if self.fits(file):
						fitting.append((os.fstat(file).st_ino != self.inode, number))
			except OSError:
				continue
		return min(fitting)[1] if fitting else None


def back_from(file: int, end: int) -> Iterator[tuple[int, bytes]]:
	"""Pieces of a file from `end` to its beginning: (offset, bytes). Each begins at a record's beginning.

	A piece is empty where a block lies in the middle of a line; its offset tells how far reading has come. A record that has no heading within a block is cut at a line's beginning, and of a line that is longer than a
	block only the beginning is handed on.
	"""
	rest = b""
	while end > 0:
		start = max(0, end - _BLOCK)
		data = os.pread(file, end - start, start) + rest
		line = 0 if start == 0 else _line_start(file, start, data)
		split = log_records.first_heading(data, line) if start and line < len(data) else line
		split = line if split < 0 else split
		yield (start + split, data[split:]) if split < len(data) else (start, b"")
		rest = data[:split][:_BLOCK]
		end = start


def _line_start(file: int, start: int, data: bytes) -> int:
	"""Index of the first line's beginning in data which were read at `start`; its length if there is none."""
	if os.pread(file, 1, start - 1) == b"\n":
		return 0
	return data.find(b"\n") + 1 or len(data)


def record_start(file: int, offset: int) -> int:
	"""Where the record begins that an offset lies in.

	An offset may come from outside. Reading from the middle of a line would show a value without the name before it.
	"""
	start = max(0, offset - _BLOCK)
	data = os.pread(file, offset - start, start)
	if not data or (data.endswith(b"\n") and log_records.begins(os.pread(file, 200, offset))):
		return offset
	line = 0 if start == 0 else _line_start(file, start, data)
	heading = log_records.last_heading(data[line:])
	if heading >= 0:
		return start + line + heading
	if line < len(data):
		return start + data.rfind(b"\n", 0, len(data) - 1) + 1
	return offset if data.endswith(b"\n") else _next_line(file, offset)


def _next_line(file: int, offset: int) -> int:
	"""Where the next line begins; where to go on searching for it, if that is far."""
	data = os.pread(file, limits.LOG_PAGE_BYTES, offset)
	return offset + (data.find(b"\n") + 1 or len(data))
