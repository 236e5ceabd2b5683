"""Rows of metrics, packed into little text for a database.

A packed row has three parts, so that each reader takes only what it needs: counts by method and outcome, which rules
and the report Job Throughput read; sketches by method; and the sketches of all methods together, for charts over time.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any, NamedTuple

import orjson

from job_monitor.core.histogram import Packed, join, split
from job_monitor.core.history.aggregates import Methods
from job_monitor.core.history.run_records import OUTCOMES

_LEVEL = 6
"""Of compression: 9 takes three times as long for one percent less."""

_BAD = (zlib.error, LookupError, TypeError, AttributeError, OverflowError)
"""What reading odd text raises besides ValueError."""

_SUMS = ("waited", "cpu", "memory")


class PackedRow(NamedTuple):
	"""ASCII texts. `counts`: about 10 bytes a method; `sketches`: 25 for a method that ran once, 80 after 60 runs."""

	counts: str = ""
	sketches: str = ""
	totals: str = ""


def pack(methods: Methods) -> PackedRow:
	"""The row that holds these aggregates; an empty one where there are none."""
	if not methods:
		return PackedRow()
	names = sorted(methods)
	rows = [methods[name] for name in names]
	counts: dict[str, Any] = {"method": names}
	counts |= {outcome: [row.counts[outcome] for row in rows] for outcome in OUTCOMES}
	counts["seconds"] = [round(row.seconds, 3) for row in rows]
	sums = {name: [round(getattr(row, name), 3) for row in rows] for name in _SUMS}
	sketches = join(sketch for row in rows for sketch in (row.durations, row.waits))
	whole = methods.total()
	return PackedRow(
		_text(orjson.dumps(counts)),
		_text(orjson.dumps(sums) + b"\n" + sketches),
		_text(join([whole.durations, whole.waits])),
	)


class Columns(NamedTuple):
	"""The columns of a packed row, in the order of its methods; empty where a part was left out.

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
	"""The columns of the parts that a row has. Sketches take ten times as long as counts.

	Raises:
		ValueError: Not a row that `pack` made.
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


def _text(data: bytes) -> str:
	return base64.b64encode(zlib.compress(data, _LEVEL)).decode()


def _data(text: str) -> bytes:
	return zlib.decompress(base64.b64decode(text, validate=True))
