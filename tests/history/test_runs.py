"""Runs on Redis: each is noted once, whatever happens to its process, to the recorder's, and to what they wrote."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.errors import CouldNotAsk
from job_monitor.core.history import run_format, run_records
from job_monitor.core.history.run_entries import Failure
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.runs import FIRST, RunLog
from job_monitor.core.rq.connection import connect_url
from tests.support.fates import FATES, World
from tests.support.jobs import BENCH, SITE

RUN = Run("a.localhost||1", "app.method", "default", 1000.25, "a@b.c", "w", 0.5)
ENDED = replace(RUN, ended_at=1001.0, outcome="failed", duration=0.75, cpu=0.1, memory=5, attempts=2)


@pytest.fixture
def log(connection: Any) -> RunLog:
	return RunLog(connection, BENCH, SITE)


plans = st.lists(st.tuples(st.sampled_from(sorted(FATES)), st.integers(0, 2)), min_size=40, max_size=80)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(plan=plans, seed=st.integers(0, 2**32))
def test_thousands_of_runs_are_each_recorded_once(
	connection: Any, plan: list[tuple[str, int]], seed: int
) -> None:
	connection.flushall()
	world = World(connection, seed)
	going_on: list[Iterator[None]] = []
	for number, (fate, again) in enumerate(plan):
		going_on.append(_life(world, f"{SITE}||{number}", fate, again))
		_let_pass(world, going_on, 4)
	while going_on:
		_let_pass(world, going_on, 1)
	for _n in range(3):
		world.sweep()
		world.write_down(whole=True)
	wrong = {
		j: (n, world.counts()[j], world.fates[j]) for j, n in world.made.items() if world.counts()[j] != n
	}
	assert not wrong, "job: (runs, recorded, fates)"
	for ended in world.recorded:
		fates = world.fates[ended.run.job_id]
		if len(fates) == 1:
			assert ended.run.outcome == FATES[fates[0]], fates
	assert world.log.running() == []


def _life(world: World, job_id: str, fate: str, again: int) -> Iterator[None]:
	"""A job that is run up to three times. What fails before the hooks is seen if a sweep comes before the next run."""
	yield from world.run(job_id, fate)
	for _n in range(again):
		if fate == "no import":
			world.sweep()
		fate = world.rng.choice(sorted(FATES))
		yield from world.run(job_id, fate)
	if fate == "no import":
		world.sweep()


def _let_pass(world: World, going_on: list[Iterator[None]], at_most: int) -> None:
	for _n in range(world.rng.randint(1, at_most)):
		if going_on and next(chosen := world.rng.choice(going_on), "over") == "over":
			going_on.remove(chosen)
	if world.rng.random() < 0.1:
		world.sweep()
	if world.rng.random() < 0.2:
		world.write_down()


def test_an_ended_run_and_its_failure_come_back(log: RunLog) -> None:
	failure = Failure("ValueError", "wrong", "Traceback …", "{}")
	log.begin(RUN)
	assert log.running() == [RUN]
	assert log.end(ENDED, failure)
	assert log.running() == []
	(read,) = log.ended()
	assert (read.run, read.failure) == (ENDED, failure)
	assert log.waiting() == 1
	log.forget([read])
	assert log.waiting() == 0
	assert log.connection.xlen(log.failures_key) == 0


def test_only_the_first_end_is_heard(log: RunLog) -> None:
	log.begin(RUN)
	assert log.end(ENDED)
	assert not log.end(replace(ENDED, outcome="killed"))
	assert [ended.run.outcome for ended in log.ended()] == ["failed"]


def test_an_end_counts_though_nobody_heard_the_beginning(log: RunLog) -> None:
	assert log.end(ENDED, begun=False)
	assert log.waiting() == 1


def test_runs_of_a_job_are_kept_apart(log: RunLog) -> None:
	again = replace(RUN, started_at=2000.0)
	log.begin(RUN)
	log.begin(again)
	assert log.end(replace(ENDED, started_at=2000.0, ended_at=2001.0))
	assert log.running() == [RUN]
	assert log.end(ENDED)
	assert log.running() == []


def test_a_noted_end_is_kept_for_a_while(log: RunLog) -> None:
	now = time.time()
	for job_id, ended_at in (("a", now - 9), ("a", now), ("old", now - limits.RUNS_NOTED_SECONDS - 9)):
		log.end(replace(ENDED, job_id=job_id, started_at=ended_at - 1, ended_at=ended_at), begun=False)
	assert log.waiting_ends()["a"] == now
	assert log.noted_at(["a"]) == [None]
	log.forget(log.ended())
	assert log.noted_at(["a", "old", "unknown"]) == [now, None, None]
	log.end(replace(ENDED, job_id="a", ended_at=now - 5), begun=False)
	log.forget(log.ended())
	assert log.noted_at(["a"]) == [now], "an earlier end that is noted later"
	log.forget_noted(now + 1)
	assert log.noted_at(["a"]) == [None]


def test_sites_and_benches_are_kept_apart(log: RunLog, connection: Any) -> None:
	log.begin(RUN)
	log.end(ENDED)
	for other in (RunLog(connection, BENCH, "a.localhost.evil"), RunLog(connection, "other", SITE)):
		assert (other.running(), other.ended(), other.waiting()) == ([], [], 0)


def test_batches_go_on_where_the_last_one_ended(log: RunLog) -> None:
	for n in range(25):
		log.end(replace(ENDED, job_id=str(n)), begun=False)
	read, after = [], FIRST
	while batch := log.ended(after, 10):
		assert len(batch) <= 10
		read += batch
		after = batch[-1].position
	assert [ended.run.job_id for ended in read] == [str(n) for n in range(25)]


def test_everything_is_bounded_and_vanishes(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "RUNS_WAITING", 300)
	monkeypatch.setattr(limits, "FAILURES_WAITING", 100)
	log.begin(RUN)
	for n in range(1000):
		log.end(replace(ENDED, job_id=str(n), ended_at=float(n + 1)), Failure("E"), begun=False)
	names = (log.running_key, log.ended_key, log.failures_key, log.sites_key, log.dropped_key)
	assert 300 <= log.waiting() < 300 + 256
	assert 100 <= log.connection.xlen(log.failures_key) < 100 + 64
	assert log.state().dropped == 1000 - log.waiting()
	assert all(0 < log.connection.ttl(name) <= limits.RUN_SECONDS for name in names)
	entries = log.ended()
	assert (
		entries[0].failure is None and entries[-1].failure == Failure("E") and entries[-1].run.job_id == "999"
	)


def test_a_flood_on_one_site_costs_the_others_nothing(
	connection: Any, log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(limits, "RUNS_WAITING", 1000)
	quiet, other = RunLog(connection, BENCH, "quiet"), RunLog(connection, "other", SITE)
	for n in range(200):
		quiet.end(replace(ENDED, job_id=str(n)), begun=False)
		other.end(replace(ENDED, job_id=str(n)), begun=False)
	for n in range(1600):
		log.end(replace(ENDED, job_id=str(n)), begun=False)
	assert (quiet.waiting(), quiet.state().dropped, other.waiting(), other.state().dropped) == (
		200,
		0,
		200,
		0,
	)
	assert 800 <= log.waiting() < 800 + 256
	assert log.state().dropped == 1600 - log.waiting()
	log.drop(-log.state().dropped)
	assert log.state().dropped == 0


def test_runs_that_did_not_reach_redis_are_counted(log: RunLog) -> None:
	log.connection.execute_command(*log.end_command(ENDED, None, False, unsent=3))
	assert (log.waiting(), log.state().dropped) == (1, 3)


@pytest.mark.parametrize("apart", [0, 60, 3600])
def test_a_waiting_run_takes_a_quarter_of_a_kilobyte(log: RunLog, apart: int) -> None:
	site = "erp.example-company.com"
	log = RunLog(log.connection, BENCH, site)
	log.connection.flushall()
	methods = (
		"frappe.email.queue.flush",
		"frappe.desk.doctype.event.event.send_event_digest",
		"erpnext.stock.doctype.repost_item_valuation.repost_item_valuation.repost_entries",
	)
	for n in range(1000):
		run = replace(
			ENDED,
			job_id=f"{site}||{uuid.uuid4()}",
			method=methods[n % len(methods)],
			user="somebody@example-company.com",
			worker=uuid.uuid4().hex,
			started_at=time.time(),
			ended_at=time.time() + 0.123456,
			duration=0.123456,
			memory=123_456_789,
		)
		log.begin(run)
		log.end(run)
	if apart:  # Redis keeps positions as differences, which are longer where runs come slowly
		_take_apart(log, apart)
	memory = sum(log.connection.memory_usage(key, samples=0) for key in log.connection.keys("*"))
	assert memory / 1000 <= 250


def _take_apart(log: RunLog, seconds: int) -> None:
	entries = log.connection.xrange(log.ended_key)
	log.connection.delete(log.ended_key)
	for n, (_, values) in enumerate(entries, start=1):
		log.connection.xadd(log.ended_key, values, id=f"{n * seconds * 1000}-0")


def test_a_stream_that_was_lost_is_known_by_its_birth(log: RunLog) -> None:
	assert log.state().born == ""
	log.end(ENDED, begun=False)
	born = log.state().born
	log.forget(log.ended())
	log.end(ENDED, begun=False)
	assert log.state().born == born and log.waiting() == 1
	log.connection.flushall()
	time.sleep(0.002)  # positions are of whole milliseconds
	log.end(ENDED, begun=False)
	assert log.state().born not in ("", born)


def test_many_failures_come_in_several_batches(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "FAILURE_BATCH", 10)
	for n in range(60):
		failed = n % 2 == 0
		log.end(replace(ENDED, job_id=str(n)), Failure("E") if failed else None, begun=False)
	read: list[str] = []
	after, sizes = FIRST, []
	while batch := log.ended(after):
		sizes.append(len(batch))
		read += [ended.run.job_id for ended in batch]
		after = batch[-1].position
	assert read == [str(n) for n in range(60)]
	assert sizes == [20, 20, 20]


@given(
	run=st.builds(
		Run,
		job_id=st.one_of(st.text(max_size=50), st.uuids().map(lambda u: f"{SITE}||{u}")),
		method=st.text(max_size=200),
		queue=st.text(max_size=20) | st.integers(126, 129).map("q".__mul__),
		started_at=st.floats(0, 2e9),
		user=st.text(max_size=20),
		worker=st.one_of(st.text(max_size=40), st.uuids().map(lambda u: u.hex)),
		wait=st.none() | st.floats(0, 1e9),
		ended_at=st.floats(0, 2e9),
		outcome=st.sampled_from(["", *run_records.OUTCOMES]),
		duration=st.none() | st.floats(0, 1e9),
		cpu=st.none() | st.floats(0, 1e9),
		memory=st.none() | st.integers(0, 2**62) | st.integers(2**31 - 2, 2**31 + 1),
		attempts=st.integers(1, 255),
	)
)
def test_any_run_comes_back_as_it_was(run: Run) -> None:
	raw = run_format.pack(run, SITE)
	assert run_format.unpack(raw, SITE) == run
	assert run_format.end_of(raw, SITE) == (run.job_id, run.ended_at)


@given(version=st.sampled_from([b"", b"\x01", b"\x02"]), raw=st.binary(max_size=120))
def test_bytes_that_are_no_run_are_none_or_one(version: bytes, raw: bytes) -> None:
	found = run_format.unpack(version + raw, SITE)
	assert found is None or isinstance(found, Run)
	run_format.end_of(version + raw, SITE)


def test_runs_of_releases_before_are_read() -> None:
	run = replace(ENDED, job_id=f"{SITE}||1", worker="0123456789abcdef" * 2)
	packed = bytes.fromhex(
		"0102000a000700050010800000000000428f400000000000488f40000000000000e03f000000000000e83f9a"
		"9999999999b93f0500000000000000020202316170702e6d6574686f6464656661756c746140622e63012345"
		"6789abcdef0123456789abcdef"
	)
	assert run_format.unpack(packed, SITE) == run
	assert run_format.end_of(packed, SITE) == (run.job_id, run.ended_at)
	assert run_format.unpack(b'{"job_id":"a","method":"m","queue":"q","started_at":1.5}', SITE) == Run(
		"a", "m", "q", 1.5
	)


def test_text_that_is_none_and_records_of_another_release(log: RunLog) -> None:
	log.end(replace(ENDED, method="odd \udce4"), Failure("E", "\ud800"), begun=False)
	log.connection.xadd(log.ended_key, {"r": b"{broken", "f": b""})
	log.connection.xadd(log.ended_key, {"r": b'{"new_field": 1}', "f": b"0-1"})
	log.connection.hset(log.running_key, "x", b"[]")
	odd, *unreadable = log.ended()
	assert odd.run.method == "odd ?" and odd.failure == Failure("E", "?")
	assert [ended.run.method for ended in unreadable] == ["unreadable"] * 2
	assert log.running() == []


def test_runs_that_a_dead_process_left_are_dropped(log: RunLog) -> None:
	for n in range(5):
		log.end(replace(ENDED, job_id=str(n)), Failure("E"), begun=False)
	log.forget_upto(log.ended()[2].position)
	assert [ended.run.job_id for ended in log.ended()] == ["3", "4"]
	assert log.connection.xlen(log.failures_key) == 2
	log.forget_upto(FIRST)
	assert log.waiting() == 2


def test_no_answer_raises_could_not_ask() -> None:
	log = RunLog(connect_url("redis://127.0.0.1:1"), BENCH, SITE)
	for ask in (log.running, log.ended, log.waiting, lambda: log.begin(RUN), lambda: log.end(ENDED)):
		with pytest.raises(CouldNotAsk):
			ask()


def test_one_round_trip_at_the_start_and_one_at_the_end(log: RunLog) -> None:
	log.begin(RUN)
	before = _reads(log)
	log.begin(replace(RUN, job_id="b"))
	assert _reads(log) - before == 1 + 1  # and the question itself
	before = _reads(log)
	log.end(replace(ENDED, job_id="b"), Failure("E"))
	assert _reads(log) - before == 1 + 1


def _reads(log: RunLog) -> int:
	"""How often Redis has read from its clients' sockets."""
	return int(log.connection.info("stats")["total_reads_processed"])
