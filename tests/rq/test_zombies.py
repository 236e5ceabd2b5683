"""Jobs whose hash says queued or started while they stand nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.rq import zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from tests.support.jobs import BENCH, Jobs, full
from tests.support.processes import Workers

OLD = limits.ZOMBIE_GRACE_SECONDS + 60


def found(client: RqClient) -> list[str]:
	hunt = zombies.find(client, 10)
	assert hunt.complete and not hunt.problem
	return sorted(job.id for job in hunt.jobs)


def test_a_queued_or_started_job_that_stands_nowhere_is_a_zombie(client: RqClient, jobs: Jobs) -> None:
	for status in ("queued", "started"):
		jobs.raw(f"a||{status}", status=status, place=None, age=OLD)
	jobs.raw("a::v15", place=None, age=OLD)
	hunt = zombies.find(client, 10)
	assert {job.id for job in hunt.jobs} == {"a||queued", "a||started", "a::v15"}
	assert all(job.method and job.queue == "default" for job in hunt.jobs)
	assert hunt.looked_at == 3


@pytest.mark.parametrize(
	"status", ["queued", "started", "failed", "finished", "deferred", "scheduled", "canceled"]
)
def test_a_job_in_its_place_is_none(client: RqClient, jobs: Jobs, status: str) -> None:
	jobs.raw("a||1", status=status, age=OLD)
	jobs.raw("a::2", status=status, age=OLD)
	jobs.connection.sadd("rq:job:a||1:dependents", "x")
	jobs.connection.sadd("rq:job:a||1:dependencies", "x")
	assert found(client) == []


@pytest.mark.parametrize(
	"status", ["failed", "finished", "stopped", "canceled", "deferred", "created", "odd"]
)
def test_a_job_of_another_status_is_none(client: RqClient, jobs: Jobs, status: str) -> None:
	jobs.raw(status=status, place=None, age=OLD)
	assert found(client) == []


def test_a_job_on_its_way_between_two_keys_is_none(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(place=None, age=limits.ZOMBIE_GRACE_SECONDS - 30)
	jobs.raw("a||moving", place=None, age=OLD)
	jobs.connection.rpush(f"rq:queue:{full('default')}:intermediate", "a||moving")
	assert found(client) == []


def test_an_execution_in_the_started_registry_is_its_job(client: RqClient, jobs: Jobs) -> None:
	for job_id in ("a||1", "a::2"):
		jobs.raw(job_id, status="started", place=None, age=OLD)
		jobs.put(f"{job_id}:{'0' * 32}", "started")
	assert found(client) == []


def test_a_job_running_in_a_second_place_is_none(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||1", status="started", place=None, age=OLD)
	jobs.connection.zadd("rq:executions:a||1", {"0" * 32: 2_000_000_000})
	assert found(client) == []


def test_zombies_of_another_bench_are_left_to_it(connection: Any, client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||ours", place=None, age=OLD)
	for n in range(limits.ZOMBIE_ROWS + 20):
		jobs.raw(f"a||theirs-{n}", place=None, queue=f"{BENCH}-2:default", age=OLD)
	assert found(client) == ["a||ours"]
	everyone = zombies.find(RqClient(connection), 10)
	assert len(everyone.jobs) == limits.ZOMBIE_ROWS and not everyone.complete


def test_a_hunt_without_the_time_says_so(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(place=None, age=OLD)
	jobs.raw()
	hunt = zombies.find(client, 0)
	assert not hunt.complete and not hunt.jobs


@pytest.mark.parametrize("key", ["rq:wip:{}", "rq:queue:{}", "rq:failed:{}", "rq:queue:{}:intermediate"])
def test_a_key_of_the_wrong_type_is_said_and_hides_no_zombie(client: RqClient, jobs: Jobs, key: str) -> None:
	jobs.raw("a||zombie", place=None, age=OLD)
	jobs.raw("a||good", queue="long", age=OLD)
	jobs.connection.set(key.format(full("default")), "x")
	hunt = zombies.find(client, 10)
	assert [job.id for job in hunt.jobs] == ["a||zombie"]
	assert "WRONGTYPE" in hunt.problem and not hunt.complete


def test_a_job_key_of_the_wrong_type_is_no_zombie(client: RqClient, jobs: Jobs) -> None:
	jobs.connection.rpush("rq:job:a||list", "x")
	jobs.connection.hset("rq:job:a||empty", "x", "y")
	jobs.raw("a||good")
	assert found(client) == []


def test_jobs_that_really_ran_are_none(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	for name in ("succeed", "fail", "die"):
		jobs.enqueue(name)
	workers.burst()
	for key in jobs.connection.keys("rq:job:*"):
		if jobs.connection.type(key) == b"hash":
			jobs.connection.hset(
				key, mapping=dict.fromkeys(("created_at", "enqueued_at"), "2020-01-01T00:00:00Z")
			)
	assert found(client) == []


def test_a_zombie_that_came_to_life_meanwhile_is_none(connection: Any, jobs: Jobs) -> None:
	jobs.raw("a||1", place=None, age=OLD)

	class Enqueues(RqClient):
		"""Puts the job into its queue between the first look and the second."""

		def ask(self, commands: Any) -> list[Any]:
			answers = super().ask(commands)
			if any(isinstance(answer, list) and answer and answer[0] == b"queued" for answer in answers):
				connection.rpush(f"rq:queue:{full('default')}", "a||1")
			return answers

	assert found(Enqueues(connection, BENCH)) == []


def test_round_trips_do_not_grow_with_the_zombies(
	client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	ids = [jobs.raw(place=None, age=OLD, queue=queue) for queue in ("default", "long") for _n in range(40)]
	jobs.raw("a||waiting", age=OLD)
	jobs.raw("a||elsewhere", place=None, age=OLD)
	jobs.connection.rpush(f"rq:queue:{full('long')}", "a||elsewhere")
	jobs.raw("a||running", status="started", place=None, age=OLD)
	jobs.put(f"a||running:{'0' * 32}", "started", "long")
	jobs.raw("a||young", place=None, age=5)
	rows = read_rows(client, [("", job_id) for job_id in jobs_of(client)])
	trips = []
	execute = type(jobs.connection.pipeline()).execute
	pipeline = type(jobs.connection.pipeline())
	monkeypatch.setattr(pipeline, "execute", lambda *args, **kw: trips.append(1) or execute(*args, **kw))
	assert sorted(job.id for job in zombies.among(client, rows)) == sorted(ids)
	assert len(trips) <= 6
	assert [zombies.is_one(client, row) for row in rows] == [row.id in ids for row in rows]
	trips.clear()
	assert found(client) == sorted(ids)
	assert len(trips) <= 40


def jobs_of(client: RqClient) -> list[str]:
	return [key.decode().removeprefix("rq:job:") for key in client.connection.keys("rq:job:*")]
