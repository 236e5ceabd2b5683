"""The site that an entry of a log is proven to be of, so that managers of a site are not shown the entries of another.

- The monitor's JSON names its site.
- A line of RQ names its job, and the job's id its site. The lines under it prove nothing: several workers write into
  one file, and only a short piece is written in one go.
- A log that lies in a site's own folder holds that site's entries only; see `catalog`.
- Nothing else proves a site.
"""

from __future__ import annotations

import json
import re

from job_monitor.core.logs.names import LogName
from job_monitor.core.rq import keys

_AT_ONCE = 4096
"""Bytes that a pipe takes without mixing them with another writer's (PIPE_BUF of Linux)."""

_COLOR = re.compile(rb"\x1b\[[\d;]{0,12}m")
_NAMED = re.compile(
	rb"[\w:., -]{0,200}?(?:\[Job ([^\]\s]{1,500})\]: |job (\S{1,500}?):? (?:exception raised while|stopped by user))"
)
_CALLED = re.compile(rb"\(([^()\s]{1,500})\)$")
"""RQ's lines: `<time> [Job <id>]: exception raised while executing (…)`, from 2 on `<time> Worker <name>: job <id>: exception …`,
and `<time> <queue>: <call> (<id>)`."""

_JSON, _RQ = ("monitor",), ("worker", "worker.error")


def can_prove(log: LogName) -> bool:
	"""Whether entries of this log of the bench name their site."""
	return log.name in (*_JSON, *_RQ)


def own(log: LogName, entry: bytes, site: str) -> bytes | None:
	"""The part of an entry that is proven to be of this site; None if there is none."""
	if log.name in _JSON:
		return entry if _site_of_json(entry) == site else None
	if log.name not in _RQ:
		return None
	line = _COLOR.sub(b"", entry.partition(b"\n")[0]).rstrip()
	return line + b"\n" if len(line) < _AT_ONCE and _site_of(line) == site else None


def _site_of_json(entry: bytes) -> str:
	try:
		value = json.loads(entry)
	except (ValueError, RecursionError):
		return ""
	site = value.get("site") if isinstance(value, dict) else ""
	return site if isinstance(site, str) else ""


def _site_of(line: bytes) -> str:
	job = _NAMED.match(line) or _CALLED.search(line)
	return keys.site_of(job[job.lastindex or 0].decode("utf-8", "replace")) if job else ""
