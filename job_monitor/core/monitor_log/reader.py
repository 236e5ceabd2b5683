"""Reads `logs/monitor.json.log`, which Frappe writes where `monitor` is on, and sums it up by method.

A line is a JSON object (`frappe/monitor.py`): `duration` and `job.wait` in microseconds (the reference says ms, the code
writes microseconds), `timestamp` in UTC (when the run began), `site`, `uuid`, `transaction_type`, and with this app
`queue`. Known faults are dealt with: records written again (`monitor_copies`), and lines of several sites glued together.
"""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from job_monitor.core import limits
from job_monitor.core.monitor_log.duplicates import Copies
from job_monitor.core.monitor_log.log_segments import Piece, files, pieces
from job_monitor.core.monitor_log.monitor_report import ALL, MonitorFilters, MonitorReport
from job_monitor.core.monitor_log.totals import OTHERS, Totals

__all__ = ["OTHERS", "files", "read"]

TURN_ON = "bench set-config -g -p monitor 1"
"""What turns Frappe's monitor on, for every site of a bench."""

_GLUED = re.compile(rb"(?<=\})(?=\{)|(?<=.)(?=\{\"duration\":)")


def read(
	paths: Sequence[Path],
	filters: MonitorFilters | None = None,
	seconds: float = float("inf"),
	progress: Callable[[int, int], None] | None = None,
) -> MonitorReport:
	"""Sum up the files, in the order given and each from its end, for at most about `seconds`.

	Streams: memory is bounded whatever the size. About 250,000 lines a second and core. With `since`, reading a file ends
	where a whole piece of it is older.

	Args:
		progress: Called now and then with (bytes read, bytes in all).
	"""
	return _Reader(filters or MonitorFilters(), time.monotonic() + seconds, progress).run(paths)


class _Reader:
	def __init__(
		self, filters: MonitorFilters, deadline: float, progress: Callable[[int, int], None] | None
	) -> None:
		self.filters = filters
		self.filtered = filters != ALL
		self.deadline = deadline
		self.progress = progress
		self.since = _stamp(filters.since)
		self.until = _stamp(filters.until)
		self.totals = Totals()
		self.copies = Copies()
		self.newest = ""
		self.inodes: set[int] = set()
		self.counts = dict.fromkeys(("lines", "requests", "other", "broken", "duplicates"), 0)
		self.problem = ""

	def run(self, paths: Sequence[Path]) -> MonitorReport:
		sizes = [_size(path) for path in paths]
		done = 0
		for path, size in zip(paths, sizes, strict=True):
			read, complete = self._file(path, done, sum(sizes))
			if not complete:
				return self._report(min(done + read, sum(sizes)), sum(sizes), complete=False)
			done += size
		return self._report(done, sum(sizes), complete=True)

	def _file(self, path: Path, done: int, total: int) -> tuple[int, bool]:
		"""Read one file. Returns how many bytes of it, and whether all of them were read that matter, in time."""
		piece = Piece(b"", 0, forward=False)
		try:
			with path.open("rb") as file:
				status = os.fstat(file.fileno())
				# The file may have been renamed since its place in the list, and be read already
				if status.st_ino in self.inodes or self._is_older(status.st_mtime):
					return 0, True
				self.inodes.add(status.st_ino)
				self.copies.turn(forward=False)
				for piece in pieces(file, compressed=path.suffix == ".gz"):
					older = self._piece(piece)
					if self.progress:
						self.progress(done + piece.read, total)
					if older:
						break
					if time.monotonic() > self.deadline:
						return piece.read, piece.read >= status.st_size
		except (OSError, EOFError, zlib.error) as error:
			self.problem = f"{path.name}: {getattr(error, 'strerror', None) or error}"
		return piece.read, True

	def _is_older(self, written_at: float) -> bool:
		since = self.filters.since
		return since is not None and written_at < since.timestamp()

	def _piece(self, piece: Piece) -> bool:
		"""Count a piece's lines. Returns whether it, and so what precedes it, is older than what is asked for."""
		self.copies.turn(piece.forward)
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
		"""What can be saved of a line into which another one was written."""
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
		if self.copies.seen(str(data.get("site"))[: limits.PATTERN_CHARS], uuid, at):
			self.counts["duplicates"] += 1
		elif kind == "job":
			self._job(data, at)
		else:
			self.counts["requests" if kind == "request" else "other"] += 1

	def _job(self, data: dict[str, Any], at: str) -> None:
		job: Any = data.get("job")
		taken = _seconds(data.get("duration"))
		if not isinstance(job, dict) or taken is None or not 0 <= taken <= limits.LOG_RUN_SECONDS:
			self.counts["broken"] += 1
		elif not _is_hour(at[:13]):
			self.counts["broken"] += 1
		else:
			name = str(job.get("method"))[: limits.PATTERN_CHARS]
			if not self.filtered or self._fits(data, name, at):
				waited = min(max(0.0, _seconds(job.get("wait")) or 0.0), limits.LOG_RUN_SECONDS)
				self.totals.add(data, name, at, taken, waited)

	def _fits(self, data: dict[str, Any], name: str, at: str) -> bool:
		filters = self.filters
		return not (
			(self.since and at < self.since)
			or (self.until and at[: len(self.until)] > self.until)
			or (filters.site and data.get("site") != filters.site)
			or (filters.queue and data.get("queue") != filters.queue)
			or (filters.method and filters.method not in name)
		)

	def _report(self, read_bytes: int, total: int, complete: bool) -> MonitorReport:
		totals = self.totals
		return MonitorReport(
			totals.by_method(),
			totals.slowest_runs(),
			totals.by_hour(),
			jobs=totals.jobs,
			bytes_read=read_bytes,
			bytes_total=total,
			complete=complete,
			problem=self.problem,
			sites=totals.sites.result(),
			queues=totals.queues.result(),
			**self.counts,
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


def _size(path: Path) -> int:
	try:
		return path.stat().st_size
	except OSError:
		return 0
