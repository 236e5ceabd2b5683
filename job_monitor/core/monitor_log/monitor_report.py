"""Filters and report of the monitor's log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class MonitorFilters:
	"""The jobs to count. `site` and `queue` are compared whole, `method` in part; moments in UTC, inclusive."""

	site: str = ""
	queue: str = ""
	method: str = ""
	since: datetime | None = None
	until: datetime | None = None


ALL = MonitorFilters()


@dataclass(frozen=True)
class MethodStats:
	"""Figures of a method. Durations in seconds; `share` of all jobs' time, 0 to 1.

	Attributes:
		errors: Runs that ended in an exception. Frappe 15 does not write it.
	"""

	method: str
	count: int
	errors: int
	total: float
	share: float
	p50: float
	p95: float
	p99: float
	wait_p50: float
	wait_p95: float
	slowest: float
	wait_p99: float = 0.0


@dataclass(frozen=True)
class MonitorRun:
	"""One of the slowest runs. Durations in seconds."""

	method: str
	site: str
	at: str
	duration: float
	wait: float
	job_id: str


@dataclass(frozen=True)
class MonitorReport:
	"""The log in figures.

	Attributes:
		methods: By their share of time, largest first.
		hours: `YYYY-MM-DD HH` (UTC) -> (runs, errors, seconds).
		sites, queues: Likewise; "" for jobs whose queue is not known, as without this app.
		lines, jobs, requests, other: Lines, and records by kind. `jobs` matched the filters.
		broken: Texts that are no record, and records of impossible runs, as one of over a month.
		duplicates: Records that are written more than once.
		bytes_read, bytes_total: Of all files, as they are on disk.
		complete: False if the time was up before all was read: the oldest part is missing.
		problem: Why a file could not be read to its end, "" if all could.
	"""

	methods: tuple[MethodStats, ...] = ()
	slowest: tuple[MonitorRun, ...] = ()
	hours: dict[str, tuple[int, int, float]] = field(default_factory=dict)
	lines: int = 0
	jobs: int = 0
	requests: int = 0
	other: int = 0
	broken: int = 0
	duplicates: int = 0
	bytes_read: int = 0
	bytes_total: int = 0
	complete: bool = True
	problem: str = ""
	sites: dict[str, tuple[int, int, float]] = field(default_factory=dict)
	queues: dict[str, tuple[int, int, float]] = field(default_factory=dict)
