"""The sketch of durations: off by 2 % at most, mergeable in any order, and proof against any text and any number."""

from __future__ import annotations

import math
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job_monitor.core.histogram import Histogram, join, split

durations = st.lists(st.floats(1e-5, 1e8), max_size=60)


def sketch(values: list[float]) -> Histogram:
	result = Histogram()
	for value in values:
		result.add(value)
	return result


@given(st.lists(st.floats(1.01e-6, 9.9e8), min_size=1, max_size=100), st.floats(0, 1))
def test_every_percentile_is_off_by_two_percent_at_most(values: list[float], share: float) -> None:
	exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
	assert sketch(values).percentiles(share) == [pytest.approx(exact, rel=0.02)]


@given(durations, st.lists(st.floats(0, 1), max_size=6))
def test_shares_may_be_asked_in_any_order(values: list[float], shares: list[float]) -> None:
	whole = sketch(values)
	assert whole.percentiles(*shares) == [whole.percentiles(share)[0] for share in shares]


@given(durations, durations, durations)
def test_merging_may_be_done_in_any_order(a: list[float], b: list[float], c: list[float]) -> None:
	x, y, z = sketch(a), sketch(b), sketch(c)
	before = dict(x.counts)
	left, right = x.merge([y]).merge([z]), x.merge([y.merge([z])])
	assert left.counts == right.counts == z.merge([y, x]).counts == sketch(a + b + c).counts
	assert x.counts == before


def repacked(sketch: Histogram) -> Histogram:
	result = Histogram()
	(packed,) = split(join([sketch]), 1)
	result.add_packed(*packed)
	return result


@given(durations, st.integers(1, 100_000))
def test_packed_and_back_it_is_the_same_sketch(values: list[float], times: int) -> None:
	whole = sketch(values)
	for value in values[:3]:
		whole.add(value, times)
	assert repacked(whole).counts == whole.counts == Histogram(whole.counts).counts
	assert whole.total == len(values) + times * len(values[:3])


@pytest.mark.parametrize(("times", "width"), [(255, 1), (256, 2), (65_535, 2), (65_536, 4), (2**32 - 1, 4)])
def test_a_count_takes_the_fewest_bytes(times: int, width: int) -> None:
	histogram = Histogram()
	histogram.add(1.0, times)
	histogram.add(3.0)
	assert histogram.pack()[1] == width
	assert repacked(histogram).counts == histogram.counts


@pytest.mark.parametrize(
	("start", "width", "length"), [(0, 3, 3), (0, 0, 0), (0, 2, 3), (900, 1, 100), (65_535, 1, 1)]
)
def test_bytes_that_it_did_not_pack_are_refused(start: int, width: int, length: int) -> None:
	with pytest.raises(ValueError):
		split(struct.pack("<3H", start, width, length) + bytes(length), 1)


@given(st.lists(durations, min_size=1, max_size=5), st.binary(min_size=1, max_size=9))
def test_sketches_are_joined_and_split_and_nothing_more_is_let_in(
	found: list[list[float]], more: bytes
) -> None:
	sketches = [sketch(values) for values in found]
	data = join(sketches)
	assert split(data, len(found)) == [each.pack() for each in sketches]
	for wrong in (data + more, data[: -len(more)]):
		with pytest.raises(ValueError):
			split(wrong, len(found))


@pytest.mark.parametrize(
	("odd", "counted"),
	[(0, 1e-6), (-1, 1e-6), (math.nan, 1e-6), (-math.inf, 1e-6), (math.inf, 1e9), (1e300, 1e9)],
)
def test_any_number_can_be_added_and_stored(odd: float, counted: float) -> None:
	whole = sketch([odd])
	assert whole.percentiles(0.5) == [pytest.approx(counted, rel=0.02)]
	assert repacked(whole).counts == whole.counts


def test_nothing_has_no_percentiles() -> None:
	assert Histogram().percentiles(0.5, 0.9) == [None, None] and repacked(Histogram()).counts == {}


def test_a_minute_of_a_method_is_stored_in_few_bytes() -> None:
	rng = random.Random(1)
	assert len(sketch([rng.lognormvariate(0, 1) for _ in range(60)]).pack()[2]) < 200
	assert len(sketch([rng.lognormvariate(0, 3) for _ in range(100_000)]).pack()[2]) < 2_000
