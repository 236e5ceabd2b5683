"""Headings of log records: where they stand, and their level and moment.

Headings known: Frappe's and RQ's (`2026-01-31 10:20:30,123 ERROR scheduler ...`), gunicorn's, werkzeug's, Redis's, and
JSON lines. Frappe and RQ write the local time of the host, without a zone; the monitor's JSON is in UTC.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

from job_monitor.core import clock

TRACEBACK = b"Traceback (most recent call last)"

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
_REDIS_LEVELS = {b".": "DEBUG", b"-": "DEBUG", b"*": "INFO", b"#": "WARNING"}


def first_heading(data: bytes, start: int = 0) -> int:
	"""Index of the first heading at or after `start`, a line's beginning; -1 if there is none."""
	match = _HEADING.search(data, start)
	return match.start() if match else -1


def begins(line: bytes) -> bool:
	"""Whether this line is a heading."""
	return _HEADING.match(line) is not None


def last_heading(data: bytes) -> int:
	"""Index of the last heading; -1 if there is none."""
	return max((match.start() for match in _HEADING.finditer(data)), default=-1)


def level_of(raw: bytes, usual: str) -> str:
	"""The level of a record, by its heading or by a traceback in it; else `usual`, the log's own."""
	heading = _HEADING.match(raw)
	if heading and heading["level"]:
		return heading["level"].decode("ascii")
	if TRACEBACK in raw:
		return "ERROR"
	return _REDIS_LEVELS[heading["mark"]] if heading and heading["mark"] else usual


def moment_of(raw: bytes) -> datetime | None:
	"""The moment in a record's heading, in UTC; None if there is none."""
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
	"""The moment of a heading in text, with the zone it names or in local time.

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
