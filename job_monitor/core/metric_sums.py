"""Adds packed metrics up, for reports: a sketch goes straight from its text into sums, several times as fast as by
unpacking every method and merging."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import orjson

from job_monitor.core.histogram import Histogram, bucket_of
from job_monitor.core.runs import OUTCOMES

DURATIONS, WAITS = "durations", "waits"

_SMALLEST = bucket_of(0)
_BUCKETS = bucket_of(float("inf")) - _SMALLEST + 1


class Sum:
	"""Runs added up, as `Series` but for many.

	Attributes:
		seconds, cpu, waited: Sums, in seconds, of the runs where they are known.
		memory: The highest peak, in bytes.
		sketches: What is wanted of `DURATIONS` and `WAITS`: counts by bucket, those below one second from the end.
	"""

	__slots__ = ("counts", "cpu", "memory", "seconds", "sketches", "waited")

	def __init__(self, sketches: Collection[str] = ()) -> None:
		self.counts = dict.fromkeys(OUTCOMES, 0)
		self.seconds = self.cpu = self.waited = 0.0
		self.memory = 0
		self.sketches = {name: [0] * _BUCKETS for name in sketches}

	@property
	def total(self) -> int:
		return sum(self.counts.values())

	def add(self, row: Mapping[str, Any]) -> None:
		"""Add counts by outcome and sums of seconds, where the row has them."""
		for outcome in OUTCOMES:
			self.counts[outcome] += row.get(outcome) or 0
		self.seconds += row.get("seconds") or 0.0
		self.waited += row.get("waited") or 0.0
		self.cpu += row.get("cpu") or 0.0
		self.memory = max(self.memory, row.get("memory") or 0)

	def merge(self, others: Iterable[Sum]) -> Sum:
		for other in others:
			self.add({**other.counts, **{name: getattr(other, name) for name in _SUMS}})
			for name in self.sketches.keys() & other.sketches.keys():
				pairs = zip(self.sketches[name], other.sketches[name], strict=True)
				self.sketches[name] = [one + two for one, two in pairs]
		return self

	def histogram(self, name: str) -> Histogram:
		"""Of `DURATIONS` or `WAITS`; an empty one if it was not wanted."""
		counts = enumerate(self.sketches.get(name, ()), start=-_BUCKETS)
		found = {at if at >= _SMALLEST else at + _BUCKETS: number for at, number in counts if number}
		return Histogram(found)


_SUMS = ("seconds", "waited", "cpu", "memory")


class _Steps(dict[str, tuple[int, int]]):
	"""What a part of a sketch's text says, e.g. `4` or `-12:3`: there are few different ones, which come often."""

	def __missing__(self, part: str) -> tuple[int, int]:
		step, _, number = part.partition(":")
		found = int(step), int(number or 1)
		if len(self) < 20_000:
			self[part] = found
		return found


_step = _Steps().__getitem__


def fold(text: str, sums_of: Callable[[str], Collection[Sum]]) -> None:
	"""Add a packed row to sums.

	Args:
		sums_of: The sums that a method belongs to; none leaves it out.

	Raises:
		ValueError: Not what `Methods.pack` wrote; some of it may have been added.
	"""
	try:
		columns = orjson.loads(zlib.decompress(base64.b85decode(text)))
		sketches = {name: columns.pop(name) for name in (DURATIONS, WAITS)}
		for at, method in enumerate(columns["method"]):
			if sums := sums_of(method):
				row = {name: column[at] for name, column in columns.items()}
				for one in sums:
					one.add(row)
				for name, texts in sketches.items():
					_add_sketch(texts[at], [one.sketches[name] for one in sums if name in one.sketches])
	except (zlib.error, KeyError, IndexError, TypeError) as error:
		raise ValueError(f"not packed metrics: {error}") from None


def _add_sketch(text: str, sums: list[list[int]]) -> None:
	bucket = 0
	if len(sums) == 2:
		first, second = sums
		for step, number in map(_step, text.split()):
			bucket += step
			first[bucket] += number
			second[bucket] += number
		return
	for counts in sums:
		bucket = 0
		for step, number in map(_step, text.split()):
			bucket += step
			counts[bucket] += number
