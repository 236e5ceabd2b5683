"""Cursors: offsets in a log that are found again after its rotation."""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from job_monitor.core.errors import InvalidQuery
from job_monitor.core.logs import catalog
from job_monitor.core.wording import say

_HEAD_BYTES = 256
_COPY_BYTES = 32
"""First bytes that a copy of a file must share with it."""

_CURSOR = re.compile(r"([\da-f]{1,16})-([\da-f]{1,15})-([\da-f]{1,3})-([\da-f]{1,8})", re.ASCII)


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
		"""The cursor of a text.

		Raises:
			InvalidQuery: The cursor was not made by this module.
		"""
		match = _CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None
		read = cls(*(int(part, 16) for part in match.groups())) if match else None
		if read is None or read.head > min(_HEAD_BYTES, read.offset):
			raise InvalidQuery(say("the cursor is none of a log's"))
		return read

	@classmethod
	def of(cls, file: int, offset: int) -> LogCursor:
		"""The cursor at this offset of an open file."""
		head = os.pread(file, min(_HEAD_BYTES, offset), 0)
		return cls(os.fstat(file).st_ino, offset, len(head), zlib.crc32(head))

	def fits(self, file: int) -> bool:
		"""Whether this open file is the one, not truncated since, or begins like it and is as long: a copy."""
		status = os.fstat(file)
		if status.st_size < self.offset or (status.st_ino != self.inode and self.head < _COPY_BYTES):
			return False
		return zlib.crc32(os.pread(file, self.head, 0)) == self.checksum

	def find(self, folder: Path, paths: list[Path]) -> int | None:
		"""Index of the file that the cursor points into, the same file before a copy of it; None if it is gone."""
		fitting: list[tuple[bool, int]] = []
		for number, path in enumerate(paths):
			try:
				with catalog.opened(folder, path) as file:
					if self.fits(file):
						fitting.append((os.fstat(file).st_ino != self.inode, number))
			except OSError:
				continue
		return min(fitting)[1] if fitting else None
