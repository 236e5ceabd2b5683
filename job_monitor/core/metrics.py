"""Counts and sketches of runs, by method: added up, merged, and packed into little text for a database."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from job_monitor.core import limits
from job_monitor.core.histogram import Histogram
from job_monitor.core.runs import OUTCOMES, SUCCESS, Run

OTHERS = "(others)"
"""Stands for the methods beyond the number that is told apart."""

_LEVEL = 6
"""Of compression: 9 takes three times as long for one percent less."""

_BAD = (zlib.error, LookupError, TypeError, AttributeError, OverflowError)
"""What else than ValueError odd text leads to."""


@dataclass
class Series:
	"""Runs of one method.

	Attributes:
		counts: Runs by outcome; an outcome that is missing did not occur.
		seconds, cpu, waited: Sums, in seconds, of the runs where they are known.
		memory: The highest peak, in bytes.
	"""

	counts: dict[str, int] = field(default_factory=dict)
	seconds: float = 0.0
	cpu: float = 0.0
	waited: float = 0.0
	memory: int = 0
	durations: Histogram = field(default_factory=Histogram)
	waits: Histogram = field(default_factory=Histogram)

	@property
	def total(self) -> int:
		return sum(self.counts.values())

	@property
	def bad(self) -> int:
		"""Runs that did not succeed."""
		return self.total - self.counts.get(SUCCESS, 0)

	def add(self, run: Run) -> None:
		self.counts[run.outcome] = self.counts.get(run.outcome, 0) + 1
		if run.duration is not None:
			self.seconds += run.duration
			self.durations.add(run.duration)
		if run.wait is not None:
			self.waited += run.wait
			self.waits.add(run.wait)
		self.cpu += run.cpu or 0.0
		self.memory = max(self.memory, run.memory or 0)

	def merge(self, other: Series) -> None:
		_add_up(self.counts, other.counts)
		self.seconds += other.seconds
		self.cpu += other.cpu
		self.waited += other.waited
		self.memory = max(self.memory, other.memory)
		_add_up(self.durations.counts, other.durations.counts)
		_add_up(self.waits.counts, other.waits.counts)


def _add_up(sums: dict[Any, int], others: dict[Any, int]) -> None:
	for key, number in others.items():
		sums[key] = sums.get(key, 0) + number


class Methods(dict[str, Series]):
	"""Series by method."""

	def of(self, method: str) -> Series:
		"""The series of a method, made if need be; `OTHERS` once too many are told apart."""
		if method not in self and len(self) >= limits.METRIC_METHODS:
			method = OTHERS
		if method not in self:
			self[method] = Series()
		return self[method]

	def merge(self, others: Iterable[Methods]) -> Methods:
		for other in others:
			for method, series in other.items():
				self.of(method).merge(series)
		return self

	def total(self) -> Series:
		"""All methods as one."""
		merged = Series()
		for series in self.values():
			merged.merge(series)
		return merged

	def pack(self) -> str:
		"""ASCII text: columns of JSON, compressed. About 25 bytes for a method that ran once, 80 after 60 runs."""
		names = sorted(self)
		rows = [self[name] for name in names]
		columns: dict[str, Any] = {"method": names}
		columns.update({outcome: [row.counts.get(outcome, 0) for row in rows] for outcome in OUTCOMES})
		for sums in ("seconds", "cpu", "waited"):
			columns[sums] = [round(getattr(row, sums), 3) for row in rows]
		columns["memory"] = [row.memory for row in rows]
		for sketch in ("durations", "waits"):
			columns[sketch] = [_sketch_text(getattr(row, sketch)) for row in rows]
		return base64.b85encode(zlib.compress(orjson.dumps(columns), _LEVEL)).decode()

	@classmethod
	def unpack(cls, text: str) -> Methods:
		"""
		Raises:
			ValueError: Not what `pack` wrote.
		"""
		try:
			columns = orjson.loads(zlib.decompress(base64.b85decode(text)))
			names = columns.pop("method")
			return cls((name, _series(columns, at)) for at, name in enumerate(names))
		except _BAD as error:
			raise ValueError(f"not packed metrics: {error}") from None


def counts(text: str) -> dict[str, dict[str, int]]:
	"""Runs by method and outcome, of packed text: without the sketches, so ten times as fast.

	Raises:
		ValueError: Not what `pack` wrote.
	"""
	try:
		columns = orjson.loads(zlib.decompress(base64.b85decode(text)))
		names = columns["method"]
		return {
			name: {outcome: int(columns[outcome][at]) for outcome in OUTCOMES if columns[outcome][at]}
			for at, name in enumerate(names)
		}
	except _BAD as error:
		raise ValueError(f"not packed metrics: {error}") from None


def _series(columns: dict[str, list[Any]], at: int) -> Series:
	row = {name: column[at] for name, column in columns.items()}
	return Series(
		{outcome: int(row[outcome]) for outcome in OUTCOMES if row[outcome]},
		float(row["seconds"]),
		float(row["cpu"]),
		float(row["waited"]),
		int(row["memory"]),
		_sketch(row["durations"]),
		_sketch(row["waits"]),
	)


def _sketch_text(sketch: Histogram) -> str:
	"""Buckets as steps from the one before, which compress twice as well: `-12:3 4 1:2`."""
	parts, before = [], 0
	for bucket, number in sorted(sketch.counts.items()):
		parts.append(f"{bucket - before}:{number}" if number != 1 else str(bucket - before))
		before = bucket
	return " ".join(parts)


def _sketch(text: str) -> Histogram:
	counts: dict[int, int] = {}
	bucket = 0
	for part in text.split():
		step, _, number = part.partition(":")
		bucket += int(step)
		counts[bucket] = int(number or 1)
	return Histogram(counts)
