"""Counts and sketches by method: they add up in any order, survive the database, and stay small."""

from __future__ import annotations

import base64
import random
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.history.aggregates import OTHERS, Aggregate, Methods
from job_monitor.core.history.metric_rows import PackedRow, pack, unpack
from job_monitor.core.history.metrics import Counts, fold, fold_totals
from job_monitor.core.history.run_records import BAD, OUTCOMES, Run

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


def unpacked(row: PackedRow) -> Methods:
	methods = Methods()
	fold(row, methods.of)
	return methods


def plain(methods: Methods) -> dict[str, Any]:
	"""Comparable; sums to a thousandth, as they are kept."""
	return {name: _plain(aggregate) for name, aggregate in methods.items()}


def _plain(aggregate: Aggregate) -> list[Any]:
	sums = [pytest.approx(n, abs=0.002) for n in (aggregate.seconds, aggregate.cpu, aggregate.waited)]
	return [
		aggregate.counts,
		*sums,
		aggregate.memory,
		aggregate.durations.counts,
		aggregate.waits.counts,
	]


@given(st.lists(runs, max_size=60))
def test_a_packed_row_comes_back(found: list[Run]) -> None:
	methods = counted(found)
	row = pack(methods)
	assert all(text.isascii() for text in row)
	assert plain(unpacked(row)) == plain(methods)
	whole, expected = Aggregate(), methods.total()
	fold_totals(row.totals, whole)
	assert (whole.durations.counts, whole.waits.counts) == (expected.durations.counts, expected.waits.counts)


@given(st.lists(runs, min_size=1, max_size=60))
def test_counts_need_no_sketches(found: list[Run]) -> None:
	methods = counted(found)
	row = pack(methods)
	columns = unpack(PackedRow(row.counts))
	by_method = {n: {o: columns.counts[o][at] for o in OUTCOMES} for at, n in enumerate(columns.methods)}
	assert by_method == {name: aggregate.counts for name, aggregate in methods.items()}
	sums = Counts()
	sums.add(row.counts)
	sums.add(row.counts)
	for outcome in OUTCOMES:
		assert sums[outcome] == {n: 2 * a.counts[outcome] for n, a in methods.items() if a.counts[outcome]}
	before = sums.copy()
	sums.add(row.counts)
	assert before.total() == 2 * len(found)
	assert {name: before.total(name) for name in methods} == {n: 2 * a.total for n, a in methods.items()}
	without = unpacked(PackedRow(row.counts))
	assert {n: a.total for n, a in without.items()} == {n: a.total for n, a in methods.items()}
	assert not any(aggregate.durations.total for aggregate in without.values())


@given(st.lists(runs, max_size=40), st.lists(runs, max_size=40), st.lists(runs, max_size=40))
def test_merging_is_counting_all_at_once(a: list[Run], b: list[Run], c: list[Run]) -> None:
	merged = counted(a).merge([counted(b), counted(c)])
	assert plain(merged) == plain(counted(a + b + c)) == plain(counted(c).merge([counted(b), counted(a)]))
	assert merged.total().total == len(a + b + c)
	assert merged.total().bad == sum(run.outcome in BAD for run in a + b + c)


def test_merging_leaves_the_other_as_it_was() -> None:
	other = counted([Run("1", "m", "q", 0.0, outcome="success", duration=1.0)])
	before = plain(other)
	merged = counted([]).merge([other]).merge([other])
	assert (merged["m"].total, plain(other)) == (2, before)


def test_a_method_that_is_left_out_is_added_nowhere() -> None:
	row = pack(counted([Run("1", name, "q", 0.0, outcome="failed", duration=2.0) for name in "ab"]))
	only = Aggregate()
	fold(row, lambda method: only if method == "a" else None)
	assert (only.counts["failed"], only.durations.total, only.seconds) == (1, 1, 2.0)


def packed(data: bytes) -> str:
	return base64.b64encode(zlib.compress(data)).decode()


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_text_that_is_no_row_is_refused_and_adds_nothing(noise: bytes) -> None:
	good = pack(counted([Run("1", "m", "q", 0.0, outcome="success", duration=1.0)]))
	for text in (noise.decode("latin-1") or "x", base64.b64encode(noise).decode() or "x", packed(noise)):
		for row in (PackedRow(text, good.sketches), PackedRow(good.counts, text)):
			methods = Methods()
			with pytest.raises(ValueError):
				fold(row, methods.of)
			assert not methods
		with pytest.raises(ValueError):
			Counts().add(text)
		with pytest.raises(ValueError):
			fold_totals(text, Aggregate())


ODD = [None, 1, "x", [], [None], [[]], [{}], ["x"], [-1], [1.5], {}, [1e400], {"0": 1}]


@settings(max_examples=300)
@given(st.sampled_from(["method", *OUTCOMES, "seconds"]), st.sampled_from(ODD))
def test_counts_of_another_shape_are_refused(column: str, odd: Any) -> None:
	row = pack(counted([Run("1", "m", "q", 0, outcome="success")]))
	columns = orjson.loads(zlib.decompress(base64.b64decode(row.counts)))
	columns[column] = odd
	changed = PackedRow(packed(orjson.dumps(columns)), row.sketches)
	try:
		methods = unpacked(changed)
	except ValueError:
		return
	assert unpacked(pack(Methods().merge([methods])))  # what is let in does no harm later


@given(st.integers(0, 65535), st.integers(0, 9), st.integers(0, 65535))
def test_a_sketch_that_claims_another_size_is_refused(start: int, width: int, length: int) -> None:
	import struct

	row = pack(counted([Run("1", "m", "q", 0, outcome="success", duration=1.0)]))
	head, _, data = zlib.decompress(base64.b64decode(row.sketches)).partition(b"\n")
	changed = packed(head + b"\n" + struct.pack("<HHH", start, width, length) + data[6:])
	try:
		methods = unpacked(PackedRow(row.counts, changed))
	except ValueError:
		return
	assert methods["m"].durations.percentiles(0.5)[0] is None or unpacked(pack(methods))


def test_methods_beyond_the_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "METRIC_METHODS", 3)
	methods = counted([Run("1", f"m{n}", "q", 0.0, outcome="success") for n in range(10)])
	totals = {name: aggregate.total for name, aggregate in methods.items()}
	assert totals == {"m0": 1, "m1": 1, "m2": 1, OTHERS: 7}
	other = counted([Run("1", f"x{n}", "q", 0.0, outcome="failed") for n in range(10)])
	assert len(methods.merge([other])) == 4
	assert (methods.total().counts["success"], methods.total().counts["failed"]) == (10, 10)


def hour(rng: random.Random) -> Methods:
	"""100 methods of 60 runs."""
	methods = Methods()
	for n in range(100):
		for _run in range(60):
			took, wait = rng.lognormvariate(-2 + n % 7, 0.6), rng.expovariate(1)
			name = f"erpnext.module{n % 20}.task_{n}"
			run = Run("1", name, "q", 0.0, outcome="success", duration=took, wait=wait)
			methods.of(run.method).add(run)
	return methods


def test_a_row_of_a_hundred_methods_is_small() -> None:
	row = pack(hour(random.Random(3)))
	assert len(row.counts) < 100 * 15
	assert len(row.sketches) < 100 * 110
	assert len(row.totals) < 700
