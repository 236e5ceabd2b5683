"""Reading changes nothing: no key, no time to live, and no command is sent that could."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from job_monitor.cli.main import main
from job_monitor.core import clock
from job_monitor.core.rq import keys, snapshot, zombies
from job_monitor.core.rq import workers as reader
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import STATUSES, JobQuery
from job_monitor.core.rq.queues import read_queues, with_last_end
from job_monitor.core.rq.search import count, search
from tests.support import methods
from tests.support.jobs import Jobs, full, packed
from tests.support.processes import Workers

READING = set(
	"hget hmget hstrlen hgetall llen lrange lpos zcard zcount zrange zrevrange zscore smembers scard sismember "
	"exists ttl pttl type scan xrevrange xrange xlen get mget strlen ping hello client|setinfo client|id select "
	"client|setname client|maint_notifications command info auth multi exec".split()
)
"""Commands that change nothing, and those by which a connection introduces itself."""

READS: dict[str, Callable[[RqClient], Any]] = {
	"queues": lambda client: with_last_end(client, read_queues(client)),
	"page": lambda client: read_page(client, JobQuery(limit=500)),
	"oldest first": lambda client: read_page(client, JobQuery(newest_first=False)),
	"places": lambda client: [read_page(client, JobQuery(statuses=(s,))) for s in keys.PLACES],
	"job": lambda client: [
		read_job(client, row.id) for row in read_page(client, JobQuery(limit=500)).rows if not row.problem
	],
	"search": lambda client: search(client, JobQuery(text="x", method="e"), 5),
	"search all": lambda client: [search(client, JobQuery(statuses=(s,), text="e"), 5) for s in STATUSES],
	"search created": lambda client: search(client, JobQuery(created_after=clock.now() - timedelta(9)), 5),
	"count": lambda client: count(client, JobQuery(site="a.localhost"), 100, 5),
	"workers": reader.read_all,
	"zombies": lambda client: zombies.find(client, 5),
	"snapshot": lambda client: snapshot.take(client, 5),
}
COMMANDS = (
	["queues"],
	["workers", "--json"],
	["jobs"],
	["jobs", "--search", "x"],
	["jobs", "--status", "failed", "--json"],
	["job", "a.localhost||failed"],
	["doctor"],
)


@pytest.fixture
def everything(connection: Any, jobs: Jobs) -> Any:
	"""Jobs of every status, also ones which RQ's own cleanup would change, run, or fail."""
	jobs.enqueue("leave_a_trace", queue="short")
	for status in (*keys.PLACES, "stopped"):
		jobs.raw(f"a.localhost||{status}", status=status, place="failed" if status == "stopped" else status)
		jobs.raw(
			f"a.localhost::{status}-15", status=status, queue="long", place=None if status == "queued" else ""
		)
	jobs.raw("a||abandoned", status="started", age=9000, score=5, worker_name="gone", timeout=60)
	jobs.raw("a||expired", status="failed", score=5)
	jobs.raw("a||zombie", place=None, age=9000)
	jobs.raw("a||callback", status="started", score=5, data=packed((methods.leave_a_trace, None, (), {})))
	connection.hset(
		"rq:job:a||callback", mapping={"failure_callback_name": "tests.support.methods.leave_a_trace"}
	)
	connection.expire("rq:job:a||expired", 1000)
	jobs.put("a||gone", "failed")
	connection.sadd("rq:workers", "rq:worker:gone", "rq:worker:w1")
	connection.hset(
		"rq:worker:w1", mapping={"state": "busy", "queues": full("default"), "pid": 1, "hostname": "h"}
	)
	connection.sadd("rq:worker:w1:executions", "a||1:" + "0" * 32)
	connection.expire("rq:worker:w1", 90)
	return connection


def contents(connection: Any) -> dict[bytes, tuple[Any, bool]]:
	"""Every key with its value and whether it expires."""
	# Not DUMP for these two: Redis may write their fields in another order after they were merely read
	values = {b"hash": connection.hgetall, b"set": connection.smembers}
	return {
		key: (values.get(connection.type(key), connection.dump)(key), connection.ttl(key) >= 0)
		for key in connection.scan_iter(count=1000)
	}


def lives(connection: Any) -> dict[bytes, int]:
	return {key: connection.pttl(key) for key in connection.scan_iter(count=1000)}


def calls(connection: Any) -> dict[str, int]:
	return {
		name.removeprefix("cmdstat_"): figures["calls"]
		for name, figures in connection.info("commandstats").items()
	}


@pytest.mark.parametrize("name", READS)
def test_reading_changes_no_key_and_sends_no_writing_command(
	name: str, everything: Any, redis_url: str, client: RqClient
) -> None:
	before, ttl_before = contents(everything), lives(everything)
	everything.config_resetstat()
	READS[name](client)
	sent = {command for command, number in calls(everything).items() if number}
	assert sent - READING <= {"config|resetstat", "config"}
	READS[name](RqClient(everything, None))
	after, ttl_after = contents(everything), lives(everything)
	assert after == before
	for key, life in ttl_before.items():
		assert (life == -1 and ttl_after[key] == -1) or 0 <= life - ttl_after[key] < 30_000
	assert not methods.ran_in


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_of_the_shell_changes_anything(
	everything: Any, redis_url: str, arguments: list[str]
) -> None:
	before = contents(everything)
	everything.config_resetstat()
	result = CliRunner().invoke(main, ["--redis", redis_url, *arguments])
	assert result.exit_code in (0, 1), result.output
	sent = {command for command, number in calls(everything).items() if number}
	assert sent - READING <= {"config|resetstat", "config"}
	assert contents(everything) == before


def test_what_real_jobs_left_is_only_read(
	everything: Any, client: RqClient, jobs: Jobs, workers: Workers
) -> None:
	for name in ("succeed", "fail", "die", "succeed"):
		jobs.enqueue(name, queue="real")
	workers.burst("real")
	before = contents(everything)
	with everything.monitor() as monitor:
		for read in READS.values():
			read(client)
		everything.echo("the end")
		seen = set()
		for command in monitor.listen():
			if "the end" in command["command"]:
				break
			seen.add(command["command"].split(" ")[0].lower())
	assert "hmget" in seen
	assert seen <= READING
	assert contents(everything) == before


def test_the_check_itself_notices_a_write(everything: Any) -> None:
	before = contents(everything)
	everything.config_resetstat()
	everything.zrem(f"rq:failed:{full('default')}", "a||expired")
	assert contents(everything) != before
	assert set(calls(everything)) - READING - {"config|resetstat", "dump"}
