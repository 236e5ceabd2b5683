"""The sketch of durations: off by 2 % at most, mergeable in any order, and proof against any text and any number."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core.histogram import Histogram

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


@given(durations)
def test_text_gives_the_same_sketch(values: list[float]) -> None:
	whole = sketch(values)
	assert Histogram.from_text(whole.to_text()).counts == whole.counts


@settings(max_examples=300)
@given(st.text(st.sampled_from("-0123456789: x_٣\n"), max_size=20) | st.text(max_size=20))
def test_any_text_is_a_sketch_or_refused(text: str) -> None:
	try:
		found = Histogram.from_text(text)
	except ValueError:
		return
	assert all(number > 0 for number in found.counts.values())
	assert all(value is None or 0 < value < 2e9 for value in found.percentiles(0, 0.5, 1))


@pytest.mark.parametrize(
	"text", ["1:-5", "1:0", "1:1 1:2", "9999:1", "1:1e5", "x", "1" * 5000, "1:" + "9" * 99, "٣:1"]
)
def test_what_it_did_not_write_is_refused(text: str) -> None:
	with pytest.raises(ValueError):
		Histogram.from_text(text)


@pytest.mark.parametrize(
	("odd", "counted"),
	[(0, 1e-6), (-1, 1e-6), (math.nan, 1e-6), (-math.inf, 1e-6), (math.inf, 1e9), (1e300, 1e9)],
)
def test_any_number_can_be_added_and_stored(odd: float, counted: float) -> None:
	whole = sketch([odd])
	assert whole.percentiles(0.5) == [pytest.approx(counted, rel=0.02)]
	assert Histogram.from_text(whole.to_text()).counts == whole.counts


def test_nothing_has_no_percentiles() -> None:
	assert Histogram().percentiles(0.5, 0.9) == [None, None] and Histogram().to_text() == ""


def test_a_minute_of_a_method_is_stored_in_few_bytes() -> None:
	rng = random.Random(1)
	assert len(sketch([rng.lognormvariate(0, 1) for _ in range(60)]).to_text()) < 300
	assert len(sketch([rng.lognormvariate(0, 3) for _ in range(100_000)]).to_text()) < 5_000
