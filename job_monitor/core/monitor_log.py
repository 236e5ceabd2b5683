"""Reads `logs/monitor.json.log`, which Frappe writes where `monitor` is on, and sums it up by method.

A line is a JSON object (`frappe/monitor.py`): `duration` and `job.wait` in microseconds (the reference says ms, the code
writes microseconds), `timestamp` in UTC, `site`, `uuid`, `transaction_type`, and with this app `queue`. Known faults are
dealt with: the last record of each flush is written again by the next one, and lines of several sites interleave.
"""

from __future__ import annotations

import gzip
import heapq
import re
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

import orjson

from job_monitor.core import limits
from job_monitor.core.histogram import Histogram, bucket_of
from job_monitor.core.monitor_report import ALL, Filters, MethodStats, Report, Run

OTHERS = "(other methods)"
_NAME = re.compile(r"monitor\.json\.log(?:[.-][\w.-]+)?")
_CHECK_LINES = 2_000


def files(folder: Path) -> list[Path]:
	"""The log and its rotated files, newest first. Links that lead out of the folder are left out."""
	try:
		names = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
		root = folder.resolve()
		inside = [path for path in names if path.is_file() and path.resolve().parent == root]
		return sorted(inside, key=lambda path: path.stat().st_mtime, reverse=True)
	except OSError:
		return []


def read(
	paths: Sequence[Path],
	filters: Filters | None = None,
	seconds: float = float("inf"),
	progress: Callable[[int, int], None] | None = None,
) -> Report:
	"""Sum up the files, in the order given, for at most about `seconds`.

	Streams: memory is bounded whatever the size. About 150,000 lines a second and core.

	Args:
		progress: Called now and then with (bytes read, bytes in all).
	"""
	return _Reader(filters or Filters(), time.monotonic() + seconds, progress).run(paths)


class _Method:
	__slots__ = ("count", "durations", "errors", "slowest", "total", "waits")

	def __init__(self) -> None:
		self.count = self.errors = 0
		self.total = self.slowest = 0.0
		self.durations: dict[int, int] = {}
		self.waits: dict[int, int] = {}


class _Reader:
	def __init__(
		self, filters: Filters, deadline: float, progress: Callable[[int, int], None] | None
	) -> None:
		self.filters = filters
		self.filtered = filters != ALL
		self.deadline = deadline
		self.progress = progress
		self.since = _stamp(filters.since)
		self.until = _stamp(filters.until)
		self.methods: dict[str, _Method] = {}
		self.hours: dict[str, list[float]] = {}
		self.slowest: list[tuple[float, int, Run]] = []
		self.seen: set[tuple[Any, Any]] = set()
		self.order: deque[tuple[Any, Any]] = deque()
		self.counts = dict.fromkeys(("lines", "jobs", "requests", "other", "broken", "duplicates"), 0)
		self.problem = ""

	def run(self, paths: Sequence[Path]) -> Report:
		sizes = [_size(path) for path in paths]
		done = read_bytes = 0
		complete = True
		for path, size in zip(paths, sizes, strict=True):
			read_bytes, complete = self._file(path, done, sum(sizes))
			done += size
			if not complete:
				break
			read_bytes = done
		return self._report(min(read_bytes, sum(sizes)), sum(sizes), complete)

	def _file(self, path: Path, done: int, total: int) -> tuple[int, bool]:
		"""Read one file. Returns the bytes read so far, and whether it came to its end in time."""
		try:
			with path.open("rb") as raw:
				lines: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
				for number, line in enumerate(_bounded(lines)):
					self._line(line)
					if number % _CHECK_LINES == _CHECK_LINES - 1:
						at = done + raw.tell()
						if self.progress:
							self.progress(at, total)
						if time.monotonic() > self.deadline:
							return at, False
		except (OSError, EOFError, zlib.error) as error:
			self.problem = f"{path.name}: {error}"
		return done, True

	def _line(self, line: bytes) -> None:
		self.counts["lines"] += 1
		try:
			self._record(orjson.loads(line))
		except ValueError:
			self._pieces(line)

	def _pieces(self, line: bytes) -> None:
		"""What can be saved of a line into which another one was written."""
		if not line.strip():
			self.counts["lines"] -= 1
			return
		for piece in line.replace(b"}{", b"}\n{").splitlines():
			try:
				self._record(orjson.loads(piece))
			except ValueError:
				self.counts["broken"] += 1

	def _record(self, data: Any) -> None:
		kind = data.get("transaction_type") if isinstance(data, dict) else None
		key = (data.get("uuid"), data.get("timestamp")) if kind else (None, None)
		if not isinstance(key[0], str) or not isinstance(key[1], str):
			self.counts["broken"] += 1
			return
		seen = self.seen
		if key in seen:
			self.counts["duplicates"] += 1
			return
		seen.add(key)
		self.order.append(key)
		if len(seen) > limits.LOG_DUPLICATES:
			seen.discard(self.order.popleft())
		if kind == "job":
			self._job(data, key[1])
		else:
			self.counts["requests" if kind == "request" else "other"] += 1

	def _job(self, data: dict[str, Any], at: str) -> None:
		job: Any = data.get("job")
		duration: Any = data.get("duration")
		if not isinstance(job, dict) or type(duration) not in (int, float) or duration < 0:
			self.counts["broken"] += 1
			return
		wait: Any = job.get("wait")
		name = str(job.get("method"))
		if self.filtered and not self._fits(data, name, at):
			return
		taken = duration / 1e6
		waited = max(0.0, wait / 1e6) if type(wait) in (int, float) else 0.0
		self._count(name, at, taken, waited, bool(data.get("exception")))
		if len(self.slowest) < limits.LOG_SLOWEST or taken > self.slowest[0][0]:
			self._keep(data, name, at, taken, waited)

	def _fits(self, data: dict[str, Any], name: str, at: str) -> bool:
		filters = self.filters
		return not (
			(self.since and at < self.since)
			or (self.until and at[: len(self.until)] > self.until)
			or (filters.site and data.get("site") != filters.site)
			or (filters.queue and data.get("queue") != filters.queue)
			or (filters.method and filters.method not in name)
		)

	def _count(self, name: str, at: str, taken: float, waited: float, failed: bool) -> None:
		self.counts["jobs"] += 1
		stats = self.methods.get(name)
		if stats is None:
			if len(self.methods) >= limits.LOG_METHODS:
				name = OTHERS
			stats = self.methods.setdefault(name, _Method())
		stats.count += 1
		stats.errors += failed
		stats.total += taken
		if taken > stats.slowest:
			stats.slowest = taken
		bucket = bucket_of(taken)
		stats.durations[bucket] = stats.durations.get(bucket, 0) + 1
		bucket = bucket_of(waited)
		stats.waits[bucket] = stats.waits.get(bucket, 0) + 1
		hour = self.hours.get(at[:13])
		if hour is None:
			if len(self.hours) >= limits.LOG_HOURS:
				return
			hour = self.hours.setdefault(at[:13], [0, 0, 0.0])
		hour[0] += 1
		hour[1] += failed
		hour[2] += taken

	def _keep(self, data: dict[str, Any], name: str, at: str, taken: float, waited: float) -> None:
		job_id = str(data.get("job_id") or data.get("uuid"))
		run = Run(name, str(data.get("site") or ""), at[:26], taken, waited, job_id)
		add = heapq.heappush if len(self.slowest) < limits.LOG_SLOWEST else heapq.heapreplace
		add(self.slowest, (taken, self.counts["lines"] + self.counts["jobs"], run))

	def _report(self, read_bytes: int, total: int, complete: bool) -> Report:
		whole = sum(stats.total for stats in self.methods.values())
		methods = [_stats(name, stats, whole) for name, stats in self.methods.items()]
		return Report(
			tuple(sorted(methods, key=lambda method: -method.total)),
			tuple(run for _taken, _number, run in sorted(self.slowest, reverse=True)),
			{hour: (int(n), int(e), round(s, 3)) for hour, (n, e, s) in sorted(self.hours.items())},
			bytes_read=read_bytes,
			bytes_total=total,
			complete=complete,
			problem=self.problem,
			**self.counts,
		)


def _stats(name: str, stats: _Method, whole: float) -> MethodStats:
	taken = [p or 0.0 for p in Histogram(stats.durations).percentiles(0.5, 0.95, 0.99)]
	waited = [p or 0.0 for p in Histogram(stats.waits).percentiles(0.5, 0.95)]
	share = stats.total / whole if whole else 0.0
	return MethodStats(
		name,
		stats.count,
		stats.errors,
		stats.total,
		share,
		p50=taken[0],
		p95=taken[1],
		p99=taken[2],
		wait_p50=waited[0],
		wait_p95=waited[1],
		slowest=stats.slowest,
	)


def _bounded(lines: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
	"""Lines, of which one that has no end is handed on in pieces."""
	while line := lines.readline(limits.LOG_LINE_BYTES):
		yield line


def _stamp(moment: datetime | None) -> str:
	return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _size(path: Path) -> int:
	try:
		return path.stat().st_size
	except OSError:
		return 0
