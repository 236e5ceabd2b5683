"""A sketch of durations that can be added up: counts in buckets that grow by 4 %, so a percentile is off by 2 % at most.

After DDSketch (Masson, Rim, Lee, VLDB 2019), with a fixed base so that all sketches fit together. The counts of all
buckets are the digits of one whole number: two sketches are added by adding two numbers. A row of 100 methods is read
and added in half the time that reading and a loop over the buckets take (0.7 ms; figure: Job Latency of 7 days in 0.4 s).
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from math import ceil, exp, floor, log

_PER_LOG = 1 / log(1.04)
_OFFSET = 0.5
_SMALLEST = 1e-6
"""A microsecond; shorter durations, and values that are no number, count as that."""
_LARGEST = 1e9
"""About 30 years; longer durations count as that."""

_DIGIT = 4
"""Bytes of a bucket's count: 4 billion runs."""

WIDTHS = (1, 2, _DIGIT)
"""Bytes that a packed count takes: the fewest that hold the largest of the sketch."""

Packed = tuple[int, int, bytes]
"""Index of the first bucket that is not empty, width of a count, and the counts of all buckets from it to the last."""


class Histogram:
	"""A sketch of durations in seconds."""

	__slots__ = ("_digits",)

	def __init__(self, counts: Mapping[int, int] | None = None) -> None:
		"""
		Args:
			counts: Number of durations by bucket; bucket n holds those around 1.04 ** n.
		"""
		self._digits = sum(number << _bits(bucket) for bucket, number in counts.items()) if counts else 0

	@property
	def counts(self) -> dict[int, int]:
		"""Number of durations by bucket, as the constructor takes them."""
		return {at: number for at, number in enumerate(self._dense(), start=_FIRST) if number}

	@property
	def total(self) -> int:
		"""Number of durations."""
		return sum(self._dense())

	def add(self, seconds: float, times: int = 1) -> None:
		"""Count a duration."""
		self._digits += times << 8 * _DIGIT * (bucket_of(seconds) - _FIRST)

	def add_up(self, other: Histogram) -> None:
		"""Add the durations of another sketch."""
		self._digits += other._digits

	def merge(self, others: Iterable[Histogram]) -> Histogram:
		"""A new sketch of this and the others' durations."""
		merged = Histogram()
		for histogram in (self, *others):
			merged.add_up(histogram)
		return merged

	def percentiles(self, *shares: float) -> list[float | None]:
		"""Seconds below which these shares (0 to 1) of all durations lie; None if there are none."""
		upto = list(accumulate(self._dense()))
		total = upto[-1] if upto else 0
		if not total:
			return [None for _ in shares]
		ranks = (min(total, max(1, ceil(share * total))) for share in shares)
		return [value_of(_FIRST + bisect_left(upto, rank)) for rank in ranks]

	def pack(self) -> Packed:
		"""The counts in few bytes: from the first bucket that is not empty to the last, in the smallest width."""
		if not self._digits:
			return 0, 1, b""
		start = ((self._digits & -self._digits).bit_length() - 1) // (8 * _DIGIT)
		digits = self._digits >> 8 * _DIGIT * start
		size = _size(digits)
		wide = digits.to_bytes(size * _DIGIT, "little")
		width = next(
			width for width in WIDTHS if not any(wide[n::_DIGIT].strip(b"\0") for n in range(width, _DIGIT))
		)
		counts = bytearray(size * width)
		for byte in range(width):
			counts[byte::width] = wide[byte::_DIGIT]
		return start, width, bytes(counts)

	def add_packed(self, start: int, width: int, counts: bytes) -> None:
		"""Add a packed sketch that `split` has checked."""
		wide = bytearray(len(counts) // width * _DIGIT)
		for byte in range(width):
			wide[byte::_DIGIT] = counts[byte::width]
		self._digits += int.from_bytes(wide, "little") << 8 * _DIGIT * start

	def _dense(self) -> tuple[int, ...]:
		"""Counts of all buckets from the smallest to the last that is not empty."""
		size = _size(self._digits)
		return struct.unpack(f"<{size}I", self._digits.to_bytes(size * _DIGIT, "little"))


def _size(digits: int) -> int:
	"""Buckets from the first to the last that is not empty."""
	return -(-digits.bit_length() // (8 * _DIGIT))


def join(sketches: Iterable[Histogram]) -> bytes:
	"""Sketches in few bytes: first bucket, width and length of each, then the counts of all. See `split`."""
	packed = [sketch.pack() for sketch in sketches]
	head = [number for start, width, counts in packed for number in (start, width, len(counts))]
	return struct.pack(f"<{len(head)}H", *head) + b"".join(counts for _start, _width, counts in packed)


def split(data: bytes, number: int) -> list[Packed]:
	"""The packed sketches of bytes that `join` made of so many sketches, for `Histogram.add_packed`.

	Raises:
		ValueError: Not bytes that `join` made.
	"""
	size = 2 * 3 * number
	if len(data) < size:
		raise ValueError("too short for so many sketches")
	head = iter(struct.unpack_from(f"<{3 * number}H", data))
	found, at = [], size
	for start, width, length in zip(head, head, head, strict=True):
		if width not in WIDTHS or length % width or start + length // width > _LAST - _FIRST + 1:
			raise ValueError("not a packed sketch")
		found.append((start, width, data[at : at + length]))
		at += length
	if at != len(data):
		raise ValueError("sketches of another length")
	return found


def bucket_of(seconds: float) -> int:
	"""The bucket of a duration."""
	if not _SMALLEST < seconds < _LARGEST:
		seconds = _LARGEST if seconds >= _LARGEST else _SMALLEST
	return floor(log(seconds) * _PER_LOG + _OFFSET)


def value_of(bucket: int) -> float:
	"""The duration, in seconds, that stands for a bucket."""
	return exp(bucket / _PER_LOG)


def _bits(bucket: int) -> int:
	"""The bit where a bucket's digit begins."""
	return 8 * _DIGIT * (bucket - _FIRST)


_FIRST, _LAST = bucket_of(_SMALLEST), bucket_of(_LARGEST)
