"""Lines of a log as records: a heading with time and level, and the lines under it (a traceback, a form's values).

Headings known: Frappe's and RQ's (`2026-01-31 10:20:30,123 ERROR scheduler ...`), gunicorn's, werkzeug's, Redis's, and
JSON lines. Frappe and RQ write the local time of the host, without a zone; the monitor's JSON is in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from job_monitor.core import clock, limits
from job_monitor.core.redaction.redactor import Redactor

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
"""From the least to the most urgent."""

_COLOR = rb"(?:\x1b\[[\d;]{0,12}m){0,4}"
_ISO = (
	rb"\[?(?P<iso>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)(?: ?(?P<zone>Z|[+-]\d\d:?\d\d))?\]?"
	rb"(?: \[\d+\])?(?: \[?(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\b)?"
)
_REDIS = rb"\d{1,7}:[A-Z] (?P<redis>\d\d \w{3} \d{4} \d\d:\d\d:\d\d)\.\d{3} (?P<mark>[.*#-])"
_ACCESS = rb"[\da-fA-F.:]{2,45} - \S{1,60} \[(?P<access>\d\d/\w{3}/\d{4}[ :]\d\d:\d\d:\d\d)"
_TIME_ONLY = rb"\d\d:\d\d:\d\d (?=\S)"
_JSON = rb"(?P<json>\{\")"
_HEADING = re.compile(
	rb"^" + _COLOR + rb"(?:" + rb"|".join([_ISO, _REDIS, _ACCESS, _TIME_ONLY, _JSON]) + rb")", re.MULTILINE
)

_STAMP = re.compile(rb'"timestamp": ?"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?)')
_TRACEBACK = b"Traceback (most recent call last)"
_DUMP = re.compile(rb"(?:Current thread|Thread) 0x[0-9a-f]+|Fatal Python error|Timeout \(")
_CHAINED = (b"During handling of the above", b"The above exception was the direct")
_REDIS_LEVELS = {b".": "DEBUG", b"-": "DEBUG", b"*": "INFO", b"#": "WARNING"}


@dataclass(frozen=True)
class LogRecord:
	"""One entry of a log.

	Attributes:
		key: Tells it apart from others of the same log: the same record read again has the same key.
		at: When, in UTC; None if the log does not say.
		level: One of `LEVELS`. ERROR for a traceback; where the log does not say, the level usual for it.
		text: Redacted; cut to `limits.LOG_RECORD_CHARS`. May hold control characters: who shows it takes them out.
	"""

	key: str
	at: datetime | None
	level: str
	text: str


def first_heading(data: bytes, start: int = 0) -> int:
	"""Where the first record with a heading begins, at or after `start`, a line's beginning; -1 if none does."""
	found = _HEADING.search(data, start)
	return found.start() if found else -1


def begins(line: bytes) -> bool:
	"""Whether this line is a heading."""
	return _HEADING.match(line) is not None


def last_heading(data: bytes) -> int:
	"""Where the last record with a heading begins; -1 if none does."""
	return max((found.start() for found in _HEADING.finditer(data)), default=-1)


def group(data: bytes) -> Iterator[tuple[int, bytes]]:
	"""Records of a piece that begins at a line's beginning: (where it begins, its bytes). Nothing is left out."""
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
	"""What the lines so far belong to."""

	def __init__(self) -> None:
		self.headed = self.dump = self.traceback = self.ended = self.chained = False

	def begins(self, line: bytes) -> bool:
		"""Whether this line begins a record; takes note of it."""
		if _HEADING.match(line):
			self.__init__()  # type: ignore[misc]
			self.headed = True
			return True
		if not line.strip() or line[:1] in b" \t":
			return False
		if line.startswith(_TRACEBACK):
			return self._traceback()
		if _DUMP.match(line):
			return self._restart(dump=True) if not self.dump else False
		if self.traceback and not self.ended:
			self.ended = True
			return False
		self.chained = self.chained or line.startswith(_CHAINED)
		return False if self.headed or self.chained else self._restart()

	def _traceback(self) -> bool:
		"""A traceback belongs to the heading above, and to one that it is chained to; otherwise it stands alone."""
		apart = not self.chained and (self.ended or not self.headed)
		if apart:
			self._restart()
		self.traceback, self.ended, self.chained = True, False, False
		return apart

	def _restart(self, dump: bool = False) -> bool:
		self.__init__()  # type: ignore[misc]
		self.dump = dump
		return True


def level_of(raw: bytes, usual: str) -> str:
	"""One of `LEVELS`."""
	heading = _HEADING.match(raw)
	if heading and heading["level"]:
		return heading["level"].decode("ascii")
	if _TRACEBACK in raw:
		return "ERROR"
	return _REDIS_LEVELS[heading["mark"]] if heading and heading["mark"] else usual


def parse(key: str, raw: bytes, level: str, redactor: Redactor) -> LogRecord:
	"""A record as it is shown. Cut first: redaction takes time by length."""
	# Four bytes make a character at most
	read = raw[: 4 * (limits.LOG_RECORD_CHARS + limits.SECRET_CHARS)]
	text = read.decode("utf-8", "replace").rstrip("\r\n")
	return LogRecord(key, _moment(raw), level, redactor.clean_start(text, limits.LOG_RECORD_CHARS))


def _moment(raw: bytes) -> datetime | None:
	heading = _HEADING.match(raw)
	if heading is None:
		return None
	if heading["json"]:
		stamp = _STAMP.search(raw)
		return clock.parse(stamp[1]) if stamp else None
	try:
		return _local(heading).astimezone(timezone.utc)
	except (ValueError, OverflowError):
		return None


def _local(heading: re.Match[bytes]) -> datetime:
	"""
	Raises:
		ValueError: No such day or hour, or a time without a day.
	"""
	redis, access, zone = (
		(heading[name] or b"").decode("ascii", "replace") for name in ("redis", "access", "zone")
	)
	if redis:
		return datetime.strptime(redis, "%d %b %Y %H:%M:%S")
	if access:
		return datetime.strptime(access[:11] + " " + access[12:], "%d/%b/%Y %H:%M:%S")
	stamp, _, fraction = (heading["iso"] or b"").decode("ascii").replace(",", ".").partition(".")
	zone = "+00:00" if zone == "Z" else zone if ":" in zone or not zone else f"{zone[:3]}:{zone[3:]}"
	return datetime.fromisoformat(f"{stamp}.{fraction:0<6}{zone}")
