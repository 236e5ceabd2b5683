"""Workers: there or not, what they run, what they have done."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime, timezone
from typing import Any

import pytest
import rq
from rq import defaults

from job_monitor.core import clock, limits
from job_monitor.core.errors import WorkerNotFound
from job_monitor.core.rq import snapshot
from job_monitor.core.rq import workers as reader
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.diagnosis import diagnose
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.records import Verdict
from tests.support.jobs import BENCH, SITE, Jobs, at, full
from tests.support.processes import Workers, wait_until

ELSEWHERE = "another-host"


def put(connection: Any, name: str = "w1", ttl: int | None = 400, **fields: Any) -> str:
	hash_ = {
		"state": "idle",
		"queues": full("default"),
		"pid": 4711,
		"hostname": ELSEWHERE,
		"birth": at(1000),
		"last_heartbeat": at(5),
		"version": "1.15.1",
		"python_version": "3.11.7 (main)",
		"successful_job_count": 7,
		"failed_job_count": 2,
		"total_working_time": "250.5",
	} | fields
	pipeline = connection.pipeline(transaction=False)
	pipeline.sadd("rq:workers", f"rq:worker:{name}")
	pipeline.hset(f"rq:worker:{name}", mapping={k: v for k, v in hash_.items() if v is not None})
	if ttl is not None:
		pipeline.expire(f"rq:worker:{name}", ttl)
	pipeline.execute()
	return name


def verdict(client: RqClient, **fields: Any) -> tuple[Verdict, str]:
	put(client.connection, **fields)
	(worker,) = reader.read_all(client)
	return worker.verdict, worker.reason


def test_all_that_is_known_of_a_worker_is_read(connection: Any, client: RqClient) -> None:
	put(connection, ip_address="10.0.0.7", queues=f"{full('short')},{full('default')}")
	(worker,) = reader.read_all(client)
	assert (worker.name, worker.state, worker.pid, worker.hostname) == ("w1", "idle", 4711, ELSEWHERE)
	assert worker.queues == (full("short"), full("default")) and worker.ip_address == "10.0.0.7"
	assert (worker.successful_job_count, worker.failed_job_count) == (7, 2)
	assert (worker.rq_version, worker.python_version, worker.total_working_time) == (
		"1.15.1",
		"3.11.7",
		250.5,
	)
	assert worker.utilization(clock.now()) == pytest.approx(0.25, abs=0.01)
	assert (worker.verdict, worker.reason, worker.current_job_id) == (Verdict.ALIVE, "", "")
	assert worker.ttl is not None and 390 < worker.ttl <= 400


@pytest.mark.parametrize(
	("state", "ttl", "expected"),
	[
		("idle", 480, Verdict.ALIVE),
		("idle", 61, Verdict.ALIVE),
		("idle", 30, Verdict.LATE),
		("busy", 90, Verdict.ALIVE),
		("busy", 60, Verdict.ALIVE),
		("busy", 20, Verdict.LATE),
		("busy", 4000, Verdict.ALIVE),  # without a fork the key lives as long as the job may
		("suspended", 400, Verdict.ALIVE),
		("started", 400, Verdict.ALIVE),
		("started", None, Verdict.ALIVE),
	],
)
def test_a_worker_is_late_when_it_missed_a_beat_of_its_state(
	client: RqClient, state: str, ttl: int | None, expected: Verdict
) -> None:
	found, reason = verdict(client, state=state, ttl=ttl)
	assert found is expected and bool(reason) == (expected is not Verdict.ALIVE)


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_a_hosts_wrong_clock_does_not_make_its_worker_dead(client: RqClient, skew: float) -> None:
	assert verdict(client, last_heartbeat=at(skew), birth=at(skew))[0] is Verdict.ALIVE
	assert reader.read_all(client)[0].utilization(clock.now()) in (
		None,
		1.0,
		pytest.approx(250.5 / 7200, rel=0.01),
	)


def test_a_worker_that_signed_off_or_left_a_remainder_is_dead(client: RqClient) -> None:
	assert verdict(client, death=at(1))[0] is Verdict.DEAD
	client.connection.hdel("rq:worker:w1", "death", "pid")
	assert "without a process id" in reader.read_all(client)[0].reason


def test_a_process_of_this_host_that_is_gone_is_dead_at_once(client: RqClient) -> None:
	gone = os.fork()
	if gone == 0:
		os._exit(0)
	os.waitpid(gone, 0)
	assert verdict(client, hostname=socket.gethostname(), pid=gone)[0] is Verdict.DEAD
	assert verdict(client, hostname=socket.gethostname(), pid=os.getpid())[0] is Verdict.ALIVE
	assert verdict(client, hostname=ELSEWHERE, pid=gone)[0] is Verdict.ALIVE


def test_a_worker_whose_key_expired_is_dead(connection: Any, client: RqClient) -> None:
	put(connection)
	connection.delete("rq:worker:w1")
	(worker,) = reader.read_all(RqClient(connection))
	assert (worker.verdict, worker.state, worker.ttl) == (Verdict.DEAD, "?", -2)
	with pytest.raises(WorkerNotFound):
		reader.read_one(client, "w1")


def test_only_workers_of_this_bench_are_shown(connection: Any, client: RqClient) -> None:
	put(connection, "ours")
	put(connection, "mixed", queues=f"x:default,{full('long')}")
	put(connection, "theirs", queues="x:default")
	put(connection, "alike", queues=f"{BENCH}-2:default")
	put(connection, "plain", queues="default")
	assert [w.name for w in reader.read_all(client)] == ["mixed", "ours"]
	assert len(reader.read_all(RqClient(connection))) == 5


def test_workers_are_in_order_of_host_and_name(connection: Any, client: RqClient) -> None:
	for name, host in (("b", "h1"), ("a", "h2"), ("c", "h1")):
		put(connection, name, hostname=host)
	assert [w.name for w in reader.read_all(client)] == ["b", "c", "a"]


def test_what_a_worker_runs_is_read_from_its_hash_or_its_executions(
	connection: Any, client: RqClient
) -> None:
	put(connection, "old", state="busy", current_job="a||1", ttl=80)
	put(connection, "new", state="busy", ttl=80)
	connection.sadd("rq:worker:new:executions", "a||2:" + "0" * 32, "a::3:" + "f" * 32)
	new, old = reader.read_all(client)
	assert old.current_job_ids == ("a||1",)
	assert new.current_job_ids == ("a::3", "a||2") and new.current_job_id == "a::3"


@pytest.mark.parametrize(
	("field", "raw"),
	[
		("state", b"\xff"),
		("queues", b"\xff\xfe:x"),
		("pid", b"many"),
		("birth", b"long ago"),
		("successful_job_count", b"\xff"),
		("total_working_time", b"nan of it"),
		("hostname", b"\xff\x00"),
		("version", b"\xff"),
	],
)
def test_one_odd_field_spoils_that_field_only(connection: Any, field: str, raw: bytes) -> None:
	put(connection, "odd", **{field: raw})  # type: ignore[arg-type]
	put(connection, "good")
	assert {w.name for w in reader.read_all(RqClient(connection))} == {"odd", "good"}


def test_a_working_time_that_is_no_number_is_none(connection: Any, client: RqClient) -> None:
	for odd in ("nan", "inf", "-inf", "-5"):
		put(connection, total_working_time=odd)
		share = reader.read_all(client)[0].utilization(clock.now())
		assert share is not None and 0 <= share <= 1, odd


def test_a_worker_of_the_wrong_type_is_one_row(connection: Any) -> None:
	put(connection, "good")
	connection.sadd("rq:workers", "rq:worker:bad")
	connection.rpush("rq:worker:bad", "x")
	bad = next(w for w in reader.read_all(RqClient(connection)) if w.name == "bad")
	assert bad.verdict is Verdict.LATE and "WRONGTYPE" in bad.reason


def test_ten_thousand_workers_are_read_in_seconds(connection: Any, client: RqClient) -> None:
	pipeline = connection.pipeline(transaction=False)
	for n in range(10_000):
		pipeline.sadd("rq:workers", f"rq:worker:w{n}")
		pipeline.hset(
			f"rq:worker:w{n}", mapping={"state": "idle", "queues": full("default"), "pid": n, "hostname": "h"}
		)
	pipeline.execute()
	started = time.monotonic()
	assert len(reader.read_all(client)) == 10_000
	assert time.monotonic() - started < 5


def test_a_suspended_bench_says_so(connection: Any, client: RqClient) -> None:
	assert not snapshot.take(client, 0).suspended
	rq.suspension.suspend(connection)
	assert [f.code for f in diagnose(snapshot.take(client, 0))] == ["suspended"]


def test_a_job_that_ended_and_whose_worker_left_while_looking_is_no_finding(
	connection: Any, client: RqClient, jobs: Jobs
) -> None:
	jobs.raw(status="finished", place="started", worker_name="gone", age=1000)
	assert [f.code for f in diagnose(snapshot.take(client, 0))] == ["no-worker"]


def test_a_real_worker_is_read_idle_busy_and_killed(
	connection: Any, client: RqClient, jobs: Jobs, workers: Workers
) -> None:
	process = workers.start("short", "default")
	(idle,) = wait_until(lambda: [w for w in reader.read_all(client) if w.state == "idle"])
	assert (idle.verdict, idle.pid, idle.hostname) == (Verdict.ALIVE, process.pid, socket.gethostname())
	assert idle.queues == (full("short"), full("default")) and idle.rq_version == rq.VERSION
	job_id = jobs.enqueue("progress", percent=10, seconds=3600)
	assert job_id.startswith(SITE)
	(busy,) = wait_until(lambda: [w for w in reader.read_all(client) if w.current_job_id])
	assert (busy.state, busy.current_job_ids, busy.verdict) == ("busy", (job_id,), Verdict.ALIVE)
	wait_until(lambda: read_job(client, job_id).worker)
	assert not diagnose(snapshot.take(client, 0.5))
	workers.kill(process)
	(dead,) = reader.read_all(client)
	assert dead.verdict is Verdict.DEAD and str(process.pid) in dead.reason
	codes = [finding.code for finding in diagnose(snapshot.take(client, 0.5))]
	assert sorted(codes) == ["dead-worker", "no-worker", "orphaned-job"]


def test_a_real_worker_counts_what_it_did(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	for name in ("succeed", "succeed", "fail"):
		jobs.enqueue(name)
	workers.start()
	(worker,) = wait_until(
		lambda: [w for w in reader.read_all(client) if w.successful_job_count + w.failed_job_count == 3]
	)
	assert (worker.successful_job_count, worker.failed_job_count) == (2, 1)
	assert worker.total_working_time > 0 and 0 <= (worker.utilization(clock.now()) or 0) <= 1
	assert worker.birth_date and worker.birth_date < datetime.now(timezone.utc)


def test_limits_agree_with_the_rq_that_is_installed() -> None:
	assert defaults.DEFAULT_WORKER_TTL + 60 == limits.IDLE_TTL_SECONDS
	assert defaults.DEFAULT_WORKER_TTL - 15 == limits.IDLE_BEAT_SECONDS
	assert defaults.DEFAULT_JOB_MONITORING_INTERVAL == limits.BUSY_BEAT_SECONDS
