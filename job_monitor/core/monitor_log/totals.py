"""Sums over the jobs of the monitor's log: by method, hour, site and queue, and the slowest runs."""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import Any

from job_monitor.core import limits
from job_monitor.core.histogram import Histogram, bucket_of
from job_monitor.core.monitor_log.monitor_report import MethodStats, MonitorRun

OTHERS = "(other methods)"
OTHER = "(others)"


class _Method:
	__slots__ = ("count", "durations", "errors", "slowest", "total", "waits")

	def __init__(self) -> None:
		self.count = self.errors = 0
		self.total = self.slowest = 0.0
		self.durations: defaultdict[int, int] = defaultdict(int)
		self.waits: defaultdict[int, int] = defaultdict(int)


class _Methods(dict[str, _Method]):
	def __missing__(self, name: str) -> _Method:
		return self.setdefault(name if len(self) < limits.LOG_METHODS else OTHERS, _Method())


class _Table(dict[str, list[float]]):
	"""Runs, errors and seconds by a text; texts beyond the first `size` are counted together."""

	def __init__(self, size: int) -> None:
		super().__init__()
		self.size = size

	def __missing__(self, key: str) -> list[float]:
		return self.setdefault(key if len(self) < self.size else OTHER, [0, 0, 0.0])

	def result(self) -> dict[str, tuple[int, int, float]]:
		return {key: (int(n), int(e), round(s, 3)) for key, (n, e, s) in sorted(self.items())}


class Totals:
	"""Sums of jobs, bounded whatever the log holds."""

	def __init__(self) -> None:
		self.methods = _Methods()
		self.hours = _Table(limits.LOG_HOURS)
		self.sites = _Table(limits.LOG_SITES)
		self.queues = _Table(limits.LOG_SITES)
		self.slowest: list[tuple[float, int, MonitorRun]] = []
		self.jobs = 0

	def add(self, data: dict[str, Any], name: str, at: str, seconds: float, waited: float) -> None:
		"""Count a job. Durations in seconds."""
		self.jobs += 1
		failed = bool(data.get("exception"))
		stats = self.methods[name]
		stats.count += 1
		stats.errors += failed
		stats.total += seconds
		if seconds > stats.slowest:
			stats.slowest = seconds
		stats.durations[bucket_of(seconds)] += 1
		stats.waits[bucket_of(waited)] += 1
		site, queue = _text(data.get("site")), _text(data.get("queue"))
		for row in (self.hours[at[:13]], self.sites[site], self.queues[queue]):
			row[0] += 1
			row[1] += failed
			row[2] += seconds
		if len(self.slowest) < limits.LOG_SLOWEST or seconds > self.slowest[0][0]:
			job_id = str(data.get("job_id") or data.get("uuid"))[: limits.ID_CHARS]
			run = MonitorRun(name, site, at[:26], seconds, waited, job_id)
			keep = heapq.heappush if len(self.slowest) < limits.LOG_SLOWEST else heapq.heapreplace
			keep(self.slowest, (seconds, self.jobs, run))

	def by_hour(self) -> dict[str, tuple[int, int, float]]:
		"""The newest `limits.LOG_HOURS` hours: the log is read from its end."""
		return {hour: row for hour, row in self.hours.result().items() if hour != OTHER}

	def by_method(self) -> tuple[MethodStats, ...]:
		"""Methods by their share of time, largest first."""
		whole = sum(stats.total for stats in self.methods.values())
		methods = [_stats(name, stats, whole) for name, stats in self.methods.items()]
		return tuple(sorted(methods, key=lambda method: -method.total))

	def slowest_runs(self) -> tuple[MonitorRun, ...]:
		"""The slowest runs, the slowest first."""
		return tuple(run for _seconds, _number, run in sorted(self.slowest, reverse=True))


def _text(value: Any) -> str:
	return value[: limits.PATTERN_CHARS] if isinstance(value, str) else ""


def _stats(name: str, stats: _Method, whole: float) -> MethodStats:
	durations = [p or 0.0 for p in Histogram(stats.durations).percentiles(0.5, 0.95, 0.99)]
	waits = [p or 0.0 for p in Histogram(stats.waits).percentiles(0.5, 0.95, 0.99)]
	return MethodStats(
		name,
		stats.count,
		stats.errors,
		stats.total,
		stats.total / whole if whole else 0.0,
		p50=durations[0],
		p95=durations[1],
		p99=durations[2],
		wait_p50=waits[0],
		wait_p95=waits[1],
		slowest=stats.slowest,
		wait_p99=waits[2],
	)
