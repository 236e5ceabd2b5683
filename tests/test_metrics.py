"""Counts and sketches by method: they add up in any order, survive the database, and stay small."""

from __future__ import annotations

import base64
import random
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.metrics import OTHERS, Methods, Series, counts
from job_monitor.core.runs import OUTCOMES, Run

seconds = st.none() | st.integers(0, 10_000_000).map(lambda thousandths: thousandths / 1000)
runs = st.builds(
	Run,
	job_id=st.just("1"),
	method=st.sampled_from(["a.b", "Sales Invoice.submit", "ünï.cödé", ""]),
	queue=st.just("short"),
	started_at=st.just(0.0),
	outcome=st.sampled_from(OUTCOMES),
	duration=seconds,
	wait=seconds,
	cpu=seconds,
	memory=st.none() | st.integers(0, 2**40),
)


def counted(found: list[Run]) -> Methods:
	methods = Methods()
	for run in found:
		methods.of(run.method).add(run)
	return methods


def plain(methods: Methods) -> dict[str, Any]:
	"""Comparable; sums to a thousandth, as they are kept."""
	return {name: _plain(series) for name, series in methods.items()}


def _plain(series: Series) -> list[Any]:
	sums = [pytest.approx(n, abs=0.002) for n in (series.seconds, series.cpu, series.waited)]
	return [series.counts, *sums, series.memory, series.durations.counts, series.waits.counts]


@given(st.lists(runs, max_size=60))
def test_what_is_packed_comes_back(found: list[Run]) -> None:
	methods = counted(found)
	text = methods.pack()
	assert text.isascii()
	assert plain(Methods.unpack(text)) == plain(methods)
	assert counts(text) == {name: series.counts for name, series in methods.items()}


@given(st.lists(runs, max_size=40), st.lists(runs, max_size=40), st.lists(runs, max_size=40))
def test_merging_is_counting_all_at_once(a: list[Run], b: list[Run], c: list[Run]) -> None:
	merged = counted(a).merge([counted(b), counted(c)])
	assert plain(merged) == plain(counted(a + b + c)) == plain(counted(c).merge([counted(b), counted(a)]))
	assert merged.total().total == len(a + b + c)
	assert merged.total().bad == sum(run.outcome != "success" for run in a + b + c)


def test_merging_leaves_the_other_as_it_was() -> None:
	other = counted([Run("1", "m", "q", 0.0, outcome="success", duration=1.0)])
	before = plain(other)
	one = counted([]).merge([other]).merge([other])
	assert (one["m"].total, plain(other)) == (2, before)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_text_that_is_none_of_ours_is_told(noise: bytes) -> None:
	for text in (
		noise.decode("latin-1"),
		base64.b85encode(noise).decode(),
		base64.b85encode(zlib.compress(noise)).decode(),
	):
		for read in (Methods.unpack, counts):
			with pytest.raises(ValueError):
				read(text)


@settings(max_examples=300)
@given(st.data())
def test_json_of_another_shape_is_told(data: Any) -> None:
	import orjson

	columns = orjson.loads(zlib.decompress(base64.b85decode(counted([Run("1", "m", "q", 0, "")]).pack())))
	column = data.draw(st.sampled_from(sorted(columns)))
	columns[column] = data.draw(
		st.sampled_from([None, 1, "x", [], [None], [[]], [{}], ["x y"], ["1:x"], ["1:"], {}, [1e400]])
	)
	text = base64.b85encode(zlib.compress(orjson.dumps(columns))).decode()
	try:
		methods = Methods.unpack(text)
	except ValueError:
		return
	assert Methods().merge([methods]).pack()  # what is let in does no harm later


def test_methods_beyond_the_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "METRIC_METHODS", 3)
	methods = counted([Run("1", f"m{n}", "q", 0.0, outcome="success") for n in range(10)])
	assert {name: series.total for name, series in methods.items()} == {"m0": 1, "m1": 1, "m2": 1, OTHERS: 7}
	other = counted([Run("1", f"x{n}", "q", 0.0, outcome="failed") for n in range(10)])
	assert len(methods.merge([other])) == 4
	assert methods.total().counts == {"success": 10, "failed": 10}


def test_a_row_of_a_hundred_methods_is_small() -> None:
	rng = random.Random(3)
	methods = Methods()
	for n in range(100):
		for _run in range(60):
			took = rng.lognormvariate(-2 + n % 7, 0.6)
			run = Run("1", f"erpnext.module{n % 20}.task_{n}", "q", 0.0, outcome="success", duration=took)
			methods.of(run.method).add(run)
	assert len(methods.pack()) < 100 * 60
