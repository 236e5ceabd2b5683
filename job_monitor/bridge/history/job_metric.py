"""Job Metric: rows by minute, hour and day, merged into the rows that exist.

Moments are in UTC, here and in the table, so that no row lies in the future after a clock or a zone was set back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import now_datetime

from job_monitor.bridge.timezones import from_column, site_zone, to_column
from job_monitor.core.history.aggregates import Methods
from job_monitor.core.history.metric_rows import PackedRow, pack
from job_monitor.core.history.metrics import fold
from job_monitor.core.history.run_records import OUTCOMES

METRIC = "Job Metric"
SLACK = timedelta(minutes=1)
"""Clocks of hosts may differ by so much: a row that begins later than that from now comes from a wrong clock."""


class Scale(NamedTuple):
	"""A resolution. Hours and days are those of the site's clock.

	Attributes:
		name: As `resolution` of Job Metric has it.
		zeroed: Parts of a moment that are 0 at the start of a bucket.
	"""

	name: str
	zeroed: tuple[str, ...]

	def floor(self, moment: datetime) -> datetime:
		"""Start of the bucket that holds a moment, in UTC."""
		return _floor(
			self.zeroed, moment.astimezone(timezone.utc).replace(second=0, microsecond=0), site_zone()
		)


@lru_cache(maxsize=10_000)
def _floor(zeroed: tuple[str, ...], moment: datetime, zone: ZoneInfo) -> datetime:
	local = moment.astimezone(zone)
	return local.replace(**dict.fromkeys(zeroed, 0)).astimezone(timezone.utc)


MINUTE = Scale("Minute", ("second",))
HOUR = Scale("Hour", ("second", "minute"))
DAY = Scale("Day", ("second", "minute", "hour"))
SCALES = {scale.name: scale for scale in (MINUTE, HOUR, DAY)}

KEPT_DAYS = {MINUTE: 2, HOUR: 14}
"""Life of minute and hour rows; Log Settings has that of day rows."""


class Bucket(NamedTuple):
	"""A span of time of one queue: the key of a row."""

	scale: Scale
	start: datetime
	queue: str

	@property
	def name(self) -> str:
		"""Name of the row."""
		return f"{self.scale.name} {self.start:%Y-%m-%dT%H:%MZ} {self.queue}"[:140]


@dataclass(kw_only=True)
class Samples:
	"""What was seen of a queue.

	Attributes:
		depth, oldest_age: Maximum of the samples: waiting jobs, seconds.
	"""

	depth: int = 0
	oldest_age: float = 0.0

	def sample(self, depth: int | None, oldest_age: float | None) -> None:
		"""Add a sample, or the maximum of others."""
		self.depth = max(self.depth, depth or 0)
		self.oldest_age = max(self.oldest_age, oldest_age or 0.0)


@dataclass
class MetricRow(Samples):
	"""The values of a row."""

	methods: Methods = field(default_factory=Methods)

	def merge(self, other: MetricRow) -> None:
		"""Add the values of another row to these."""
		self.methods.merge([other.methods])
		self.sample(other.depth, other.oldest_age)


def add(rows: Mapping[Bucket, MetricRow]) -> None:
	"""Merge rows into the stored rows of the same buckets. The caller holds the recorder's lock, and commits."""
	names = {bucket.name: bucket for bucket in rows}
	if not names:
		return
	values: dict[str, Any] = {f"name{n}": name for n, name in enumerate(names)}
	of_names = f"name in ({', '.join(f'%({key})s' for key in values)})"  # SQLite takes no list as one value
	for bucket, row in _stored(of_names, values):
		rows[names[bucket.name]].merge(row)
	frappe.db.sql(f"delete from `tab{METRIC}` where {of_names}", values)
	made = [_values(bucket, row) for bucket, row in rows.items()]
	frappe.db.bulk_insert(METRIC, list(made[0]), [tuple(value.values()) for value in made])


def _values(bucket: Bucket, row: MetricRow) -> dict[str, Any]:
	aggregates, now = row.methods.values(), now_datetime()
	return {
		"name": bucket.name,
		"creation": now,
		"modified": now,
		"owner": "Administrator",
		"modified_by": "Administrator",
		"resolution": bucket.scale.name,
		"start": to_column(bucket.start),
		"queue": bucket.queue,
		**{outcome: sum(aggregate.counts[outcome] for aggregate in aggregates) for outcome in OUTCOMES},
		"seconds": sum(aggregate.seconds for aggregate in aggregates),
		"waited": sum(aggregate.waited for aggregate in aggregates),
		"cpu": sum(aggregate.cpu for aggregate in aggregates),
		"memory": max((aggregate.memory for aggregate in aggregates), default=0) / 2**20,
		"depth": row.depth,
		"oldest_age": row.oldest_age,
		**pack(row.methods)._asdict(),
	}


def between(scale: Scale, since: datetime, until: datetime, queue: str = "") -> list[list[Any]]:
	"""Filters for rows of one resolution that begin in [since, until)."""
	filters: list[list[Any]] = [
		["resolution", "=", scale.name],
		["start", ">=", to_column(since)],
		["start", "<", to_column(until)],
	]
	return [*filters, ["queue", "=", queue]] if queue else filters


def read(
	scale: Scale, since: datetime, until: datetime, queue: str = ""
) -> Iterator[tuple[Bucket, MetricRow]]:
	"""Rows of one resolution that begin in [since, until), in the order of time."""
	where = "resolution = %(scale)s and start >= %(since)s and start < %(until)s"
	values = {"scale": scale.name, "since": to_column(since), "until": to_column(until), "queue": queue}
	return _stored(f"{where} and queue = %(queue)s" if queue else where, values)


def _stored(where: str, values: Mapping[str, Any]) -> Iterator[tuple[Bucket, MetricRow]]:
	"""Stored rows. In SQL: see `bridge.site.state`."""
	columns = "name, resolution, start, queue, counts, sketches, depth, oldest_age"
	query = f"select {columns} from `tab{METRIC}` where {where} order by start"
	for row in frappe.db.sql(query, values, as_dict=True):
		bucket = Bucket(SCALES[row.resolution], from_column(row.start), row.queue)
		methods = Methods()
		with unreadable(row.name):
			fold(PackedRow(row.counts or "", row.sketches or ""), methods.of)
		yield bucket, MetricRow(methods, depth=row.depth, oldest_age=row.oldest_age)


class unreadable:
	"""A block that reads a row: if it cannot be unpacked, it counts as empty and is logged, and the next rows are read."""

	def __init__(self, name: str) -> None:
		self.name = name

	def __enter__(self) -> None:
		pass

	def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
		if not isinstance(error, ValueError):
			return False
		frappe.logger("job_monitor").error(f"Job Metric {self.name} is unreadable: {error}")
		return True


def following(scale: Scale, start: datetime) -> datetime:
	"""Start of the next bucket. The day on which the clock is set back has 25 hours, another has 23."""
	after = scale.floor(start + _LONGEST[scale])
	if after > start:
		return after
	return scale.floor(start + 2 * _LONGEST[scale])  # a clock set back by half an hour


_LONGEST = {MINUTE: timedelta(minutes=1), HOUR: timedelta(hours=1), DAY: timedelta(hours=26)}
