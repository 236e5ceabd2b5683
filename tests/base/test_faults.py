"""What goes wrong around us is said in one line, or spoils one row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from job_monitor.core import clock, limits
from job_monitor.core.errors import CouldNotAsk, JobNotFound, RedisTimeout, RedisUnreachable
from job_monitor.core.rq import diagnosis, keys, snapshot, zombies
from job_monitor.core.rq import workers as reader
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import connect_url
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.places import read_window
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.queues import read_queues
from job_monitor.core.rq.search import count, search
from tests.support.jobs import BENCH, Jobs, at, full
from tests.support.processes import wait_until
from tests.support.servers import free_port, server

READS: dict[str, Callable[[RqClient], Any]] = {
	"queues": lambda client: read_queues(client),
	"page": lambda client: read_page(client, JobQuery()),
	"job": lambda client: read_job(client, "a||1"),
	"search": lambda client: search(client, JobQuery(text="x")),
	"count": lambda client: count(client, JobQuery(text="x"), 10),
	"workers": reader.read_all,
	"worker": lambda client: reader.read_one(client, "w1"),
	"snapshot": snapshot.take,
}


@pytest.mark.parametrize("name", READS)
def test_a_redis_that_is_down_is_said_at_once(name: str) -> None:
	client = RqClient(connect_url(f"redis://127.0.0.1:{free_port()}"))
	started = time.monotonic()
	with pytest.raises(RedisUnreachable, match=r"127\.0\.0\.1") as raised:
		READS[name](client)
	assert time.monotonic() - started < limits.CONNECT_SECONDS + 1
	assert "\n" not in str(raised.value)
	assert zombies.find(client).problem


def test_a_socket_that_is_not_there_is_said() -> None:
	with pytest.raises(RedisUnreachable, match=r"/nowhere/redis\.sock"):
		read_queues(RqClient(connect_url("unix:///nowhere/redis.sock")))


def test_a_redis_that_comes_back_is_read_again(tmp_path: Path) -> None:
	with server(tmp_path) as real:
		client = RqClient(connect_url(real.url))
		assert read_queues(client) == []
		real.stop()
		with pytest.raises(RedisUnreachable):
			read_queues(client)
		real.start()
		assert read_queues(client) == []


def test_a_redis_restarted_between_two_reads_is_not_noticed(tmp_path: Path) -> None:
	with server(tmp_path) as real:
		client = RqClient(connect_url(real.url))
		read_queues(client)
		real.stop()
		real.start()
		assert read_queues(client) == []


def test_a_redis_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
	monkeypatch.setattr(limits, "READ_SECONDS", 0.3)
	with server(tmp_path) as real:
		client = RqClient(connect_url(real.url))
		read_queues(client)
		real.connect().execute_command("CLIENT", "PAUSE", 1500, "ALL")
		started = time.monotonic()
		with pytest.raises(RedisTimeout, match="in time"):
			read_queues(client)
		assert time.monotonic() - started < 1


def test_a_slow_redis_does_not_make_a_search_forget_its_budget(redis_url: str, jobs: Jobs) -> None:
	for n in range(400):
		jobs.raw(f"a||{n}")
	jobs.connection.execute_command("CLIENT", "PAUSE", 400, "ALL")
	started = time.monotonic()
	result = search(RqClient(connect_url(redis_url)), JobQuery(text="nothing like it"), 0.2)
	assert time.monotonic() - started < 0.4 + 0.2 + 0.2
	assert result.out_of == 400


def test_a_read_only_replica_is_read(tmp_path: Path) -> None:
	folders = [tmp_path / name for name in ("master", "replica")]
	for folder in folders:
		folder.mkdir()
	with server(folders[0], "--repl-diskless-sync-delay", "0") as master, server(folders[1]) as replica:
		Jobs(master.connect()).raw("a||1", status="failed")
		follower = replica.connect()
		follower.replicaof("127.0.0.1", master.port)
		until = time.monotonic() + 15
		while not follower.exists("rq:job:a||1"):
			assert time.monotonic() < until, "the replica did not follow"
			time.sleep(0.05)
		assert follower.config_get("replica-read-only")["replica-read-only"] == "yes"
		client = RqClient(connect_url(replica.url), BENCH)
		assert read_queues(client)[0].counts["failed"] == 1
		assert [row.id for row in read_page(client, JobQuery()).rows] == ["a||1"]
		assert read_job(client, "a||1").method
		assert zombies.find(client, 5).complete and snapshot.take(client).queues


def test_a_replica_that_lost_its_master_could_not_be_asked(tmp_path: Path) -> None:
	folders = [tmp_path / name for name in ("master", "replica")]
	for folder in folders:
		folder.mkdir()
	stale = ("--replica-serve-stale-data", "no", "--repl-timeout", "1")
	with (
		server(folders[0], "--repl-diskless-sync-delay", "0") as master,
		server(folders[1], *stale) as replica,
	):
		Jobs(master.connect()).raw("a||1")
		follower = replica.connect()
		follower.replicaof("127.0.0.1", master.port)
		wait_until(lambda: follower.info("replication")["master_link_status"] == "up")
		client = RqClient(connect_url(replica.url), BENCH)
		assert read_job(client, "a||1").status == "queued"
		master.stop()
		wait_until(lambda: follower.info("replication")["master_link_status"] == "down")
		for read in READS.values():
			with pytest.raises(CouldNotAsk, match=r"MASTERDOWN|Link with MASTER"):
				read(client)
		assert zombies.find(client).problem


def test_what_may_not_be_read_is_not_an_empty_job(redis_url: str, jobs: Jobs) -> None:
	jobs.raw("a||1", status="failed")
	jobs.connection.execute_command("ACL", "SETUSER", "blind", "on", ">pw", "~*", "+@all", "-hmget")
	try:
		client = RqClient(connect_url(redis_url, "blind", "pw"), BENCH)
		with pytest.raises(CouldNotAsk, match=r"(?i)permission"):
			read_job(client, "a||1")
		(row,) = read_page(client, JobQuery()).rows
		assert "permission" in row.problem
	finally:
		jobs.connection.execute_command("ACL", "DELUSER", "blind")


@pytest.mark.parametrize("status", keys.PLACES)
def test_a_place_of_the_wrong_type_is_said_and_the_others_are_read(
	client: RqClient, jobs: Jobs, status: str
) -> None:
	kept = jobs.raw("a||kept", status="queued" if status != "queued" else "failed", queue="long")
	jobs.connection.sadd("rq:queues", f"rq:queue:{full('default')}")
	jobs.connection.set(keys.place_key(status, full("default")), "x")
	broken, good = read_queues(client)
	assert status not in broken.counts and "WRONGTYPE" in broken.problem
	assert len(broken.counts) == len(keys.PLACES) - 1 and not good.problem
	page = read_page(client, JobQuery())
	assert [row.id for row in page.rows] == [kept] and status in page.note
	assert read_page(client, JobQuery(statuses=(status,))).note or status == page.rows[0].status
	assert [f.code for f in diagnosis.diagnose(snapshot.take(client, 0))].count("unreadable-queue") == 1


def test_a_queue_whose_name_is_no_text_is_not_called_empty(client: RqClient, jobs: Jobs) -> None:
	kept = jobs.raw()
	name = full("x").encode() + b"\xff"
	jobs.connection.sadd("rq:queues", b"rq:queue:" + name)
	jobs.connection.rpush(b"rq:queue:" + name, "a||1")
	good, odd = read_queues(client)
	assert good.counts["queued"] == 1 and not good.problem
	assert not odd.counts and "UTF-8" in odd.problem
	page = read_page(client, JobQuery())
	assert [row.id for row in page.rows] == [kept] and "UTF-8" in page.note
	assert [f.code for f in diagnosis.diagnose(snapshot.take(client, 0))].count("unreadable-queue") == 1


@pytest.mark.parametrize("key", [keys.QUEUES, keys.WORKERS])
def test_a_set_of_names_of_the_wrong_type_could_not_be_asked(
	client: RqClient, connection: Any, key: str
) -> None:
	connection.set(key, "x")
	with pytest.raises(CouldNotAsk, match="WRONGTYPE"):
		snapshot.take(client)


@pytest.mark.parametrize("kind", ["list", "string", "set"])
def test_a_job_of_the_wrong_type_is_one_row(client: RqClient, jobs: Jobs, kind: str) -> None:
	good = jobs.raw("a||good")
	write = {"list": jobs.connection.rpush, "string": jobs.connection.set, "set": jobs.connection.sadd}[kind]
	write("rq:job:a||bad", "x")
	jobs.put("a||bad", "queued")
	jobs.put("a||bad", "failed")
	rows = {row.id: row for row in read_page(client, JobQuery()).rows}
	assert set(rows) == {good, "a||bad"}
	assert "WRONGTYPE" in rows["a||bad"].problem and not rows[good].problem
	assert "WRONGTYPE" in read_job(client, "a||bad").problem


@pytest.mark.parametrize("key", ["rq:results:a||1", "rq:job:a||1:dependents"])
def test_results_or_dependents_of_the_wrong_type_spoil_themselves_only(
	client: RqClient, jobs: Jobs, key: str
) -> None:
	jobs.raw("a||1", status="failed")
	jobs.connection.set(key, "x")
	assert read_job(client, "a||1").method and read_page(client, JobQuery()).rows[0].method
	assert search(client, JobQuery(text="succeed"), 5).rows


class Vanishing(RqClient):
	"""Deletes a job after its first read: between two reads of ours."""

	def ask(self, commands: Any) -> list[Any]:
		answers = super().ask(commands)
		if any(isinstance(answer, list) and b"queued" in answer for answer in answers):
			self.connection.delete("rq:job:a||1")
		return answers


def test_a_job_that_vanishes_between_two_reads_is_a_row_or_not_found(connection: Any, jobs: Jobs) -> None:
	jobs.raw("a||1")
	rows = read_page(Vanishing(connection, BENCH), JobQuery()).rows
	assert [row.id for row in rows] == ["a||1"] and rows[0].problem
	jobs.raw("a||1", place=None)
	try:
		assert read_job(Vanishing(connection, BENCH), "a||1").problem
	except JobNotFound:
		pass
	assert store_rows(RqClient(connection, BENCH)) == ["a||1"]


def store_rows(client: RqClient) -> list[str]:
	return [row.id for row in read_page(client, JobQuery()).rows]


def test_jobs_that_move_while_pages_are_read_do_not_break_them(
	redis_url: str, connection: Any, jobs: Jobs
) -> None:
	ids = [jobs.raw(f"a||{n}", age=n) for n in range(200)]
	over = threading.Event()

	def churn() -> None:
		other = connect_url(redis_url)
		while not over.is_set():
			for job_id in ids:  # as RQ does it: from place to place at once
				with other.pipeline(transaction=True) as moving:
					moving.lrem(f"rq:queue:{full('default')}", 1, job_id)
					Jobs(moving).put(job_id, "started")
					moving.execute()
					moving.zrem(f"rq:wip:{full('default')}", job_id)
					Jobs(moving).put(job_id, "queued")
					moving.execute()

	thread = threading.Thread(target=churn)
	thread.start()
	try:
		client = RqClient(connection, BENCH)
		until = time.monotonic() + 1.5
		while time.monotonic() < until:
			rows = store_rows(client)
			assert len(rows) == len(set(rows))
			search(client, JobQuery(text="x", limit=500), 0.1)
			assert not zombies.find(client, 0.2).jobs
	finally:
		over.set()
		thread.join()


@pytest.mark.parametrize("skew", [-86400, 86400])
def test_a_hosts_wrong_clock_makes_no_nonsense(client: RqClient, jobs: Jobs, skew: float) -> None:
	jobs.raw("a||1", age=skew)
	job_id = jobs.raw(status="finished", enqueued_at=at(-skew), started_at=at(skew), ended_at=at(-skew / 2))
	age = read_queues(client)[0].oldest_age(clock.now())
	assert age is not None and age >= 0
	job = read_job(client, job_id)
	assert (job.wait or 0) >= 0 and (job.duration or 0) >= 0
	for finding in diagnosis.diagnose(snapshot.take(client, 0)):
		assert "-" not in finding.message.replace(BENCH, "")


def test_a_site_whose_name_begins_anothers_does_not_see_its_jobs(client: RqClient, jobs: Jobs) -> None:
	ours = [jobs.raw("a.localhost||1"), jobs.raw("a.localhost::2")]
	for other in (
		"a.localhost.evil||3",
		"a.localhost2||4",
		"a.localhost:5",
		"a.localhos||t",
		"x||a.localhost||6",
	):
		jobs.raw(other)
	result = search(client, JobQuery(site="a.localhost"), 5)
	assert sorted(row.id for row in result.rows) == sorted(ours)
	assert count(client, JobQuery(site="a.localhost"), 100).matched == 2


def test_a_registry_that_shrinks_under_a_page_is_a_shorter_page(client: RqClient, jobs: Jobs) -> None:
	for n in range(10):
		jobs.raw(status="failed", age=n)
	place = ("failed", full("default"))
	jobs.connection.delete(keys.place_key(*place))
	assert read_window(client, place, 10, 0, 5) == []
