"""A sketch of durations that can be merged: counts in buckets that grow by 4 %, so a percentile is off by 2 % at most.

After DDSketch (Masson, Rim, Lee, VLDB 2019), with a fixed base so that all sketches fit together.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from math import ceil, exp, floor, log

_PER_LOG = 1 / log(1.04)
_OFFSET = 0.5
_PAIR = re.compile(r"(-?\d{1,4}):(\d{1,18})", re.ASCII)
_SMALLEST = 1e-6
"""Durations are counted in seconds, from one microsecond on; what is shorter, or no number, counts as that."""
_LARGEST = 1e9
"""Up to 30 years; what is longer counts as that."""


class Histogram:
	"""Durations in seconds, without the durations.

	Attributes:
		counts: Number of durations in each bucket; bucket n holds those around 1.04 ** n.
	"""

	__slots__ = ("counts",)

	def __init__(self, counts: dict[int, int] | None = None) -> None:
		self.counts = counts if counts is not None else {}

	def add(self, seconds: float, times: int = 1) -> None:
		bucket = bucket_of(seconds)
		self.counts[bucket] = self.counts.get(bucket, 0) + times

	def merge(self, others: Iterable[Histogram]) -> Histogram:
		"""A new sketch of this and the others' durations."""
		merged = Histogram(dict(self.counts))
		for other in others:
			for bucket, number in other.counts.items():
				merged.counts[bucket] = merged.counts.get(bucket, 0) + number
		return merged

	def percentiles(self, *shares: float) -> list[float | None]:
		"""Seconds below which these shares (0 to 1) of all durations lie; None if there are none."""
		total = sum(self.counts.values())
		if not total:
			return [None for _ in shares]
		buckets = sorted(self.counts)
		upto = list(accumulate(self.counts[bucket] for bucket in buckets))
		wanted = (min(total, max(1, ceil(share * total))) for share in shares)
		return [value_of(buckets[bisect_left(upto, number)]) for number in wanted]

	def to_text(self) -> str:
		"""Compact text: `bucket:count` pairs, sorted, e.g. `-12:3 0:1`."""
		return " ".join(f"{bucket}:{number}" for bucket, number in sorted(self.counts.items()))

	@classmethod
	def from_text(cls, text: str) -> Histogram:
		"""
		Raises:
			ValueError: Not what `to_text` wrote.
		"""
		counts: dict[int, int] = {}
		for pair in text.split():
			found = _PAIR.fullmatch(pair)
			bucket, number = (int(found[1]), int(found[2])) if found else (0, 0)
			if number < 1 or not _FIRST <= bucket <= _LAST or bucket in counts:
				raise ValueError("not the text of a sketch")
			counts[bucket] = number
		return cls(counts)


def bucket_of(seconds: float) -> int:
	if not _SMALLEST < seconds < _LARGEST:
		seconds = _LARGEST if seconds >= _LARGEST else _SMALLEST
	return floor(log(seconds) * _PER_LOG + _OFFSET)


def value_of(bucket: int) -> float:
	return exp(bucket / _PER_LOG)


_FIRST, _LAST = bucket_of(_SMALLEST), bucket_of(_LARGEST)
