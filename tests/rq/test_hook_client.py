"""The recorder's client in somebody else's job: whatever Redis does, half a second at most, and then it is left alone."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from job_monitor.core import limits
from job_monitor.core.errors import CouldNotAsk, RedisRefused, RedisUnreachable
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.runs import RunLog
from job_monitor.core.rq.breaker import Breaker
from job_monitor.core.rq.connection import connect_url
from job_monitor.core.rq.hook_client import HookClient
from job_monitor.tests.support.servers import Proxy, running
from tests.support.jobs import BENCH, SITE
from tests.support.servers import Server, server

INCR = ("INCR", "n")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
	"""A server of its own, which tests may fill, lock and freeze."""
	with server(tmp_path_factory.mktemp("redis")) as started:
		yield started


@pytest.fixture
def client(other: Server) -> Iterator[HookClient]:
	connection = connect_url(other.url)
	connection.flushall()
	yield HookClient(connection)
	connection.close()


@pytest.fixture
def fault(tmp_path: Path) -> Path:
	return tmp_path / "fault"


def through(proxy: Proxy) -> HookClient:
	connection = connect_url(f"redis://127.0.0.1:{proxy.port}")
	connection.ping()  # as RQ's own connection, which is open when a job begins
	return HookClient(connection)


def seconds(ask: Any) -> float:
	began = time.monotonic()
	with pytest.raises(CouldNotAsk):
		ask()
	return time.monotonic() - began


def test_what_was_posted_is_answered_with_the_next_question(client: HookClient) -> None:
	client.post(INCR)
	assert client.still_there()
	assert client.ask(INCR) == (2, [1])
	assert client.ask(("ECHO", "grüße")) == ("grüße", [])
	assert client.ask(("GET", "none")) == (None, [])
	assert client.ask(("SET", "a", b"\0\r\n")) == ("OK", [])


def test_a_refusal_is_an_answer(client: HookClient) -> None:
	client.post(("HSET", "n"))
	refused, before = client.ask(("NO", "SUCH"))
	assert isinstance(refused, RedisRefused) and "unknown command" in str(refused)
	assert isinstance(before[0], RedisRefused)
	assert client.ask(INCR) == (1, [])


def test_what_a_job_before_left_unasked_is_no_answer_to_this_one(client: HookClient) -> None:
	client.post(INCR)
	client.post(INCR)
	assert client.ask(("ECHO", "mine")) == ("mine", [2])


def test_a_connection_that_was_closed_meanwhile_is_made_anew(client: HookClient, other: Server) -> None:
	client.post(INCR)
	with other.connect() as killer:
		killer.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	assert not client.still_there()
	assert client.ask(INCR) == (2, [])


def test_a_connection_that_was_silent_for_long_is_made_anew(
	client: HookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
	client.post(INCR)
	monkeypatch.setattr(limits, "HOOK_IDLE_SECONDS", -1)
	assert not client.still_there()
	assert client.ask(INCR) == (2, [])


def test_a_frozen_redis_costs_no_time_at_the_start_and_the_limit_at_the_end(
	other: Server, fault: Path
) -> None:
	with running(Proxy(other.port, fault)) as proxy:
		client = through(proxy)
		fault.write_text("freeze")
		began = time.monotonic()
		client.post(INCR)
		assert time.monotonic() - began < 0.1
		assert seconds(lambda: client.ask(INCR)) == pytest.approx(limits.HOOK_REDIS_SECONDS, abs=0.1)
		fault.unlink()
		assert client.ask(("ECHO", "mine")) == ("mine", [])


@pytest.mark.parametrize("kind", ["delay 0.3", "drip 0.2"])
def test_a_slow_redis_costs_the_limit_in_all(other: Server, fault: Path, kind: str) -> None:
	with running(Proxy(other.port, fault)) as proxy:
		client = through(proxy)
		fault.write_text(kind)
		client.post(INCR)
		assert seconds(lambda: client.ask(("ECHO", "a long answer"))) <= limits.HOOK_REDIS_SECONDS + 0.1


def test_a_host_that_takes_no_connection() -> None:
	"""Its backlog is full: a connection is neither taken nor refused."""
	with socket.socket() as deaf:
		deaf.bind(("127.0.0.1", 0))
		deaf.listen(0)
		crowd = [socket.socket() for _n in range(4)]
		for connecting in crowd:
			connecting.setblocking(False)
			connecting.connect_ex(deaf.getsockname())
		client = HookClient(connect_url(f"redis://127.0.0.1:{deaf.getsockname()[1]}"))
		assert seconds(lambda: client.post(INCR)) <= limits.HOOK_REDIS_SECONDS + 0.1
		for connecting in crowd:
			connecting.close()


def test_nobody_listens() -> None:
	client = HookClient(connect_url("redis://127.0.0.1:1"))
	with pytest.raises(RedisUnreachable):
		client.post(INCR)


def test_a_server_that_speaks_no_redis(other: Server) -> None:
	with socket.socket() as odd:
		odd.bind(("127.0.0.1", 0))
		odd.listen()
		client = HookClient(connect_url(f"redis://127.0.0.1:{odd.getsockname()[1]}"))
		client.post(INCR)
		odd.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\n")
		with pytest.raises(CouldNotAsk):
			client.ask(INCR)


def test_it_logs_in_and_selects_as_rq_does(tmp_path: Path) -> None:
	with server(tmp_path, "--requirepass", "s3cret", password="s3cret") as locked:
		client = HookClient(connect_url(f"redis://:s3cret@127.0.0.1:{locked.port}/3"))
		client.post(INCR)
		assert client.ask(INCR) == (2, [1])
		assert locked.connect(db=3).get("n") == b"2"
		stranger = HookClient(connect_url(f"redis://:wrong@127.0.0.1:{locked.port}"))
		stranger.post(INCR)
		with pytest.raises(RedisRefused):
			stranger.ask(INCR)


def test_a_unix_socket(tmp_path: Path) -> None:
	path = tmp_path / "redis.sock"
	with server(tmp_path, "--unixsocket", str(path)):
		connection = redis.Redis(unix_socket_path=str(path))
		assert HookClient(connection).ask(INCR) == (1, [])
		connection.ping()
		assert HookClient(connection).ask(INCR) == (2, [])


def test_a_run_is_two_messages_and_one_answer(client: HookClient, other: Server) -> None:
	watcher = other.connect()
	log = RunLog(watcher, BENCH, SITE)
	run = Run(f"{SITE}||1", "app.method", "default", time.time())
	before = watcher.info("stats")["total_reads_processed"]
	client.post(log.begin_command(run))
	assert client.ask(log.end_command(run, None, begun=True)) == (1, [1])
	# A busy server finds both messages at once; and the question itself is read
	assert watcher.info("stats")["total_reads_processed"] - before <= 2 + 1
	assert log.waiting() == 1 and log.running() == []


# The rest after a failure


def test_a_horse_that_met_a_dead_redis_spares_the_next_one() -> None:
	breaker = Breaker()
	assert not breaker.rests()
	if (pid := os.fork()) == 0:
		breaker.trip()
		breaker.count()
		os._exit(0)
	os.waitpid(pid, 0)
	assert breaker.rests() and breaker.counted == 1
	breaker.reset()
	assert not breaker.rests() and breaker.counted == 0


def test_a_rest_ends(monkeypatch: pytest.MonkeyPatch) -> None:
	breaker = Breaker()
	breaker.trip()
	later = time.monotonic() + limits.HOOK_REST_SECONDS
	monkeypatch.setattr(time, "monotonic", lambda: later + 0.01)
	assert not breaker.rests()
