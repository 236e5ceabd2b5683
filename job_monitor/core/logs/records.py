"""Records of a log: a heading, and the lines under it (a traceback, a form's values)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from job_monitor.core import limits
from job_monitor.core.logs import headings
from job_monitor.core.logs.headings import TRACEBACK
from job_monitor.core.redaction.redactor import Redactor

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
"""From the least to the most urgent."""

_DUMP = re.compile(rb"(?:Current thread|Thread) 0x[0-9a-f]+|Fatal Python error|Timeout \(")
_CHAINED = (b"During handling of the above", b"The above exception was the direct")


@dataclass(frozen=True)
class LogRecord:
	"""An entry of a log.

	Attributes:
		key: Identifies it within the log: the same record read again has the same key.
		at: Its moment, in UTC; None if the log does not say.
		level: One of `LEVELS`. ERROR for a traceback; the log's own level where the entry names none.
		text: Redacted; cut to `limits.LOG_RECORD_CHARS`. May hold control characters, which whoever shows it takes out.
	"""

	key: str
	at: datetime | None
	level: str
	text: str


def group(data: bytes) -> Iterator[tuple[int, bytes]]:
	"""Records of a piece that begins at a line's beginning: (index, bytes). Nothing is left out."""
	start = at = 0
	state = _Under()
	while at < len(data):
		end = data.find(b"\n", at) + 1 or len(data)
		line = data[at : min(end, at + 200)]
		if state.begins(line) and at > start:
			yield start, data[start:at]
			start = at
		at = end
	if start < len(data):
		yield start, data[start:]


class _Under:
	"""The record that the lines so far belong to."""

	def __init__(self) -> None:
		self.headed = self.dump = self.traceback = self.ended = self.chained = False

	def begins(self, line: bytes) -> bool:
		"""Whether the next line begins a record."""
		if headings.begins(line):
			self.__init__()  # type: ignore[misc]
			self.headed = True
			return True
		if not line.strip() or line[:1] in b" \t":
			return False
		if line.startswith(TRACEBACK):
			return self._traceback()
		if _DUMP.match(line):
			return self._restart(dump=True) if not self.dump else False
		if self.traceback and not self.ended:
			self.ended = True
			return False
		self.chained = self.chained or line.startswith(_CHAINED)
		return False if self.headed or self.chained else self._restart()

	def _traceback(self) -> bool:
		"""A traceback belongs to the heading above, or to the traceback it is chained to; otherwise it stands alone."""
		apart = not self.chained and (self.ended or not self.headed)
		if apart:
			self._restart()
		self.traceback, self.ended, self.chained = True, False, False
		return apart

	def _restart(self, dump: bool = False) -> bool:
		self.__init__()  # type: ignore[misc]
		self.dump = dump
		return True


def parse(key: str, raw: bytes, level: str, redactor: Redactor) -> LogRecord:
	"""The record of these bytes. They are cut before they are redacted, which takes time by length."""
	# A character has four bytes at most
	read = raw[: 4 * (limits.LOG_RECORD_CHARS + limits.SECRET_CHARS)]
	text = read.decode("utf-8", "replace").rstrip("\r\n")
	return LogRecord(key, headings.moment_of(raw), level, redactor.clean_start(text, limits.LOG_RECORD_CHARS))
