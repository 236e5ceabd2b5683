"""Counts the records of the monitor's log: pieces of lines in, totals out."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import orjson

from job_monitor.core import limits
from job_monitor.core.monitor_log.duplicates import Duplicates
from job_monitor.core.monitor_log.log_segments import Piece
from job_monitor.core.monitor_log.monitor_report import ALL, MonitorFilters
from job_monitor.core.monitor_log.totals import Totals

_GLUED = re.compile(rb"(?<=\})(?=\{)|(?<=.)(?=\{\"duration\":)")


class RecordCounter:
	"""Counts records.

	Attributes:
		totals: Sums of the jobs that matched the filters.
		counts: Lines, and records that are no such jobs, by kind.
	"""

	def __init__(self, filters: MonitorFilters) -> None:
		self.filters = filters
		self.filtered = filters != ALL
		self.since = _stamp(filters.since)
		self.until = _stamp(filters.until)
		self.totals = Totals()
		self.duplicates = Duplicates()
		self.newest = ""
		self.counts = dict.fromkeys(("lines", "requests", "other", "broken", "duplicates"), 0)

	def count(self, piece: Piece) -> bool:
		"""Count the records of a piece. Returns whether the piece, and so all before it, is older than the filters' `since`."""
		self.duplicates.turn(piece.forward)
		self.newest = ""
		for line in piece.data.split(b"\n"):
			try:
				self._record(orjson.loads(line) if len(line) <= limits.LOG_LINE_BYTES else None)
			except ValueError:
				if not line or line.isspace():
					continue
				self._parts(line)
			self.counts["lines"] += 1
		return not piece.forward and "" < self.newest < self.since

	def _parts(self, line: bytes) -> None:
		"""Count the records of a line into which another line was written."""
		for part in _GLUED.split(line):
			try:
				self._record(orjson.loads(part))
			except ValueError:
				self.counts["broken"] += 1

	def _record(self, data: Any) -> None:
		kind = data.get("transaction_type") if isinstance(data, dict) else None
		uuid, at = (data.get("uuid"), data.get("timestamp")) if kind else (None, None)
		if not isinstance(uuid, str) or not isinstance(at, str):
			self.counts["broken"] += 1
			return
		if at > self.newest:
			self.newest = at
		if self.duplicates.seen(str(data.get("site"))[: limits.PATTERN_CHARS], uuid, at):
			self.counts["duplicates"] += 1
		elif kind == "job":
			self._job(data, at)
		else:
			self.counts["requests" if kind == "request" else "other"] += 1

	def _job(self, data: dict[str, Any], at: str) -> None:
		job: Any = data.get("job")
		duration = _seconds(data.get("duration"))
		if not isinstance(job, dict) or duration is None or not 0 <= duration <= limits.LOG_RUN_SECONDS:
			self.counts["broken"] += 1
		elif not _is_hour(at[:13]):
			self.counts["broken"] += 1
		else:
			name = str(job.get("method"))[: limits.PATTERN_CHARS]
			if not self.filtered or self._fits(data, name, at):
				waited = min(max(0.0, _seconds(job.get("wait")) or 0.0), limits.LOG_RUN_SECONDS)
				self.totals.add(data, name, at, duration, waited)

	def _fits(self, data: dict[str, Any], name: str, at: str) -> bool:
		filters = self.filters
		return not (
			(self.since and at < self.since)
			or (self.until and at[: len(self.until)] > self.until)
			or (filters.site and data.get("site") != filters.site)
			or (filters.queue and data.get("queue") != filters.queue)
			or (filters.method and filters.method not in name)
		)


def _seconds(microseconds: Any) -> float | None:
	return microseconds / 1e6 if type(microseconds) in (int, float) else None


@lru_cache(maxsize=4096)
def _is_hour(text: str) -> bool:
	try:
		return datetime.strptime(text, "%Y-%m-%d %H").strftime("%Y-%m-%d %H") == text
	except ValueError:
		return False


def _stamp(moment: datetime | None) -> str:
	return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S") if moment else ""
