"""Counts and sketches of runs, by method: added up, and packed into little text for a database.

A packed row has three parts, so that each reader takes only what it needs: counts by method and outcome, which rules
and the report Job Throughput read; sketches by method; and the sketches of all methods together, for charts over time.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from job_monitor.core import limits
from job_monitor.core.histogram import Histogram, Packed, join, split
from job_monitor.core.history.runs import BAD, OUTCOMES, Run

OTHERS = "(others)"
"""Stands for the methods beyond the number that is told apart."""

_LEVEL = 6
"""Of compression: 9 takes three times as long for one percent less."""

_BAD = (zlib.error, LookupError, TypeError, AttributeError, OverflowError)
"""What else than ValueError odd text leads to."""

_SUMS = ("waited", "cpu", "memory")


@dataclass
class Aggregate:
	"""Runs added up.

	Attributes:
		counts: Runs by outcome.
		seconds, cpu, waited: Sums, in seconds, of the runs where they are known.
		memory: The highest peak, in bytes.
	"""

	counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
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
		"""Runs that failed, timed out or were killed."""
		return sum(self.counts[outcome] for outcome in BAD)

	def add(self, run: Run) -> None:
		self.counts[run.outcome] += 1
		if run.duration is not None:
			self.seconds += run.duration
			self.durations.add(run.duration)
		if run.wait is not None:
			self.waited += run.wait
			self.waits.add(run.wait)
		if run.cpu is not None:
			self.cpu += run.cpu
		if run.memory is not None and run.memory > self.memory:
			self.memory = run.memory

	def merge(self, other: Aggregate) -> None:
		for outcome, number in other.counts.items():
			self.counts[outcome] += number
		self.seconds += other.seconds
		self.cpu += other.cpu
		self.waited += other.waited
		self.memory = max(self.memory, other.memory)
		self.durations.add_up(other.durations)
		self.waits.add_up(other.waits)


class PackedRow(NamedTuple):
	"""ASCII texts. `counts`: about 10 bytes a method; `sketches`: 25 for a method that ran once, 80 after 60 runs."""

	counts: str = ""
	sketches: str = ""
	totals: str = ""


class Methods(dict[str, Aggregate]):
	"""Aggregates by method."""

	def of(self, method: str) -> Aggregate:
		"""The aggregate of a method, made if need be; that of `OTHERS` once too many are told apart."""
		found = self.get(method)
		if found is None:
			if len(self) >= limits.METRIC_METHODS:
				method = OTHERS
			found = self.setdefault(method, Aggregate())
		return found

	def merge(self, others: Iterable[Methods]) -> Methods:
		for other in others:
			for method, aggregate in other.items():
				self.of(method).merge(aggregate)
		return self

	def total(self) -> Aggregate:
		"""All methods as one."""
		merged = Aggregate()
		for aggregate in self.values():
			merged.merge(aggregate)
		return merged

	def pack(self) -> PackedRow:
		if not self:
			return PackedRow()
		names = sorted(self)
		rows = [self[name] for name in names]
		counts: dict[str, Any] = {"method": names}
		counts |= {outcome: [row.counts[outcome] for row in rows] for outcome in OUTCOMES}
		counts["seconds"] = [round(row.seconds, 3) for row in rows]
		sums = {name: [round(getattr(row, name), 3) for row in rows] for name in _SUMS}
		sketches = join(sketch for row in rows for sketch in (row.durations, row.waits))
		whole = self.total()
		return PackedRow(
			_text(orjson.dumps(counts)),
			_text(orjson.dumps(sums) + b"\n" + sketches),
			_text(join([whole.durations, whole.waits])),
		)


def _text(data: bytes) -> str:
	return base64.b64encode(zlib.compress(data, _LEVEL)).decode()


def _data(text: str) -> bytes:
	return zlib.decompress(base64.b64decode(text, validate=True))


class Columns(NamedTuple):
	"""A packed row as it is read: a column for each number, in the order of its methods. Empty where a part was left out.

	Attributes:
		counts: By outcome.
		sums: waited, cpu and memory.
		sketches: Of durations and of waits, in turns. `totals`: those of all methods.
	"""

	methods: list[str]
	counts: dict[str, list[int]]
	seconds: list[float]
	sums: dict[str, list[Any]]
	sketches: list[Packed]
	totals: list[Packed]


def unpack(row: PackedRow) -> Columns:
	"""Read the parts that are given, of which sketches take ten times as long as counts.

	Raises:
		ValueError: Not what `Methods.pack` wrote.
	"""
	try:
		methods, counts, seconds = _counts(orjson.loads(_data(row.counts))) if row.counts else ([], {}, [])
		sums, sketches = (
			_sketches(_data(row.sketches), len(methods)) if row.counts and row.sketches else ({}, [])
		)
		totals = split(_data(row.totals), 2) if row.totals else []
	except _BAD as error:
		raise ValueError(f"not a packed row: {error}") from None
	return Columns(methods, counts, seconds, sums, sketches, totals)


def _counts(columns: Any) -> tuple[list[str], dict[str, list[int]], list[float]]:
	methods, seconds = columns["method"], columns["seconds"]
	counts = {outcome: columns[outcome] for outcome in OUTCOMES}
	if any(len(column) != len(methods) for column in (seconds, *counts.values())):
		raise ValueError("columns of another length")
	if not set(map(type, methods)) <= {str}:
		raise ValueError("methods of another kind")
	for column in counts.values():
		if any(column) and (set(map(type, column)) != {int} or min(column) < 0):
			raise ValueError("counts of another kind")
	sum(seconds)
	return methods, counts, seconds


def _sketches(data: bytes, number: int) -> tuple[dict[str, list[Any]], list[Packed]]:
	head, _, packed = data.partition(b"\n")
	sums = orjson.loads(head)
	for name in _SUMS:
		if len(sums[name]) != number:
			raise ValueError("sums of another length")
		sum(sums[name])
	return sums, split(packed, 2 * number)


class Counts(dict[str, dict[str, int]]):
	"""Runs by outcome and method: of rows' counts alone, five times as fast as `fold`. Rules add up an hour at each look."""

	def __init__(self) -> None:
		super().__init__({outcome: {} for outcome in OUTCOMES})

	def add(self, text: str) -> None:
		"""Add the counts of a packed row.

		Raises:
			ValueError: Not what `Methods.pack` wrote.
		"""
		columns = unpack(PackedRow(text))
		for outcome, column in columns.counts.items():
			if any(column):
				sums = self[outcome]
				for method, number in zip(columns.methods, column, strict=True):
					if number:
						sums[method] = sums.get(method, 0) + number

	def copy(self) -> Counts:
		other = Counts()
		other.update({outcome: dict(sums) for outcome, sums in self.items()})
		return other

	def total(self, method: str | None = None) -> int:
		"""Runs of a method, or of all."""
		if method is None:
			return sum(sum(sums.values()) for sums in self.values())
		return sum(sums.get(method, 0) for sums in self.values())


def fold(row: PackedRow, of: Callable[[str], Aggregate | None]) -> None:
	"""Add a packed row to aggregates, all of it or nothing. Its sketches only if the row has them.

	Args:
		of: The aggregate that a method belongs to; None leaves it out.

	Raises:
		ValueError: Not what `Methods.pack` wrote.
	"""
	columns = unpack(row)
	aggregates = [of(method) for method in columns.methods]
	for outcome, column in columns.counts.items():
		if any(column):
			for aggregate, number in zip(aggregates, column, strict=True):
				if aggregate is not None:
					aggregate.counts[outcome] += number
	for aggregate, seconds in zip(aggregates, columns.seconds, strict=True):
		if aggregate is not None:
			aggregate.seconds += seconds
	if columns.sketches:
		_add_sketches(aggregates, columns)


def _add_sketches(aggregates: Sequence[Aggregate | None], columns: Columns) -> None:
	sums, sketches = columns.sums, columns.sketches
	for at, aggregate in enumerate(aggregates):
		if aggregate is not None:
			aggregate.waited += sums["waited"][at]
			aggregate.cpu += sums["cpu"][at]
			aggregate.memory = max(aggregate.memory, sums["memory"][at])
			aggregate.durations.add_packed(*sketches[2 * at])
			aggregate.waits.add_packed(*sketches[2 * at + 1])


def fold_totals(text: str, into: Aggregate) -> None:
	"""Add the sketches of all methods of a packed row.

	Raises:
		ValueError: Not what `Methods.pack` wrote.
	"""
	for sketch, packed in zip(
		(into.durations, into.waits), unpack(PackedRow(totals=text)).totals, strict=False
	):
		sketch.add_packed(*packed)
