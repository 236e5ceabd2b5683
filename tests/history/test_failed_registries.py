"""Failures that no hook saw from the beginning: each is noted once, whatever the failed registries hold."""

from __future__ import annotations

import time
from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.history import failed_registries
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.runs import RunLog
from job_monitor.core.rq.client import RqClient
from tests.support.jobs import BENCH, SITE, Jobs, full
from tests.support.processes import Workers


@pytest.fixture
def log(connection: Any) -> RunLog:
	return RunLog(connection, BENCH, SITE)


def catch_up(client: RqClient, log: RunLog, cursors: Any) -> tuple[Any, int]:
	return failed_registries.catch_up(client, log, SITE, cursors)


def test_a_failure_before_the_hooks_is_noted_once(
	client: RqClient, log: RunLog, jobs: Jobs, workers: Workers
) -> None:
	cursors, _noted = catch_up(client, log, None)
	job_id = jobs.enqueue("no.such.module.run", secret="x", password="hunter2")
	workers.burst()
	cursors, noted = catch_up(client, log, cursors)
	assert noted == 1
	(ended,) = log.ended()
	assert (ended.run.job_id, ended.run.outcome, ended.run.queue) == (job_id, "failed", "default")
	assert ended.run.method == "no.such.module.run"
	assert ended.failure is not None and ended.failure.exception == "ModuleNotFoundError"
	assert "hunter2" not in ended.failure.arguments
	for _again in range(2):
		cursors, noted = catch_up(client, log, cursors)
		assert noted == 0


def test_the_first_call_only_sets_cursors(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	for _n in range(3):
		jobs.raw(status="failed", score=1e9)
	cursors, noted = catch_up(client, log, None)
	assert (noted, log.waiting()) == (0, 0)
	assert catch_up(client, log, cursors) == (cursors, 0)


def test_a_queue_that_is_new_is_looked_through_from_its_beginning(
	client: RqClient, log: RunLog, jobs: Jobs
) -> None:
	cursors, _noted = catch_up(client, log, None)
	assert cursors == {}
	jobs.raw(status="failed", queue="fresh")
	cursors, noted = catch_up(client, log, cursors)
	assert noted == 1 and list(cursors) == [full("fresh")]
	jobs.raw(status="failed", queue="fresher")
	assert catch_up(client, log, cursors)[1] == 1


def test_failures_of_the_same_second_are_all_noted(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	cursors, _noted = catch_up(client, log, None)
	for n in range(4):
		jobs.raw(f"{SITE}||{n}", status="failed", score=2e9)
		cursors, noted = catch_up(client, log, cursors)
		assert noted == 1
	jobs.raw(status="failed", score=2e9 + 1)
	cursors, noted = catch_up(client, log, cursors)
	assert (noted, len(cursors[full("default")][1])) == (1, 1)


def test_more_failures_than_a_chunk_are_all_noted(
	client: RqClient, log: RunLog, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(limits, "CHUNK_ROWS", 7)
	cursors, _noted = catch_up(client, log, None)
	for n in range(50):
		jobs.raw(status="failed", score=2e9 + n // 20)
	cursors, noted = catch_up(client, log, cursors)
	assert (noted, log.waiting()) == (50, 50)
	assert catch_up(client, log, cursors) == (cursors, 0)


def test_a_job_that_is_kept_longer_hides_none_that_fail_after_it(
	client: RqClient, log: RunLog, jobs: Jobs
) -> None:
	cursors: Any = None
	noted = 0
	for n, score in enumerate([1e9, 3e9, 1e9 + 1, 3e9 + 1, 1e9 + 1, 1e9 + 2]):
		cursors, more = failed_registries.catch_up(client, log, SITE, cursors, usual=1e9 + 10)
		assert more == (0 if n < 1 else 1), n
		noted += more
		jobs.raw(f"{SITE}||{n}", status="failed", score=score)
	for more in (1, 0, 0):
		cursors, found = failed_registries.catch_up(client, log, SITE, cursors, usual=1e9 + 10)
		assert found == more
	assert cursors[full("default")][0] == 1e9 + 2


def test_only_unnoted_failures_of_this_site_are_noted(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	cursors, _noted = catch_up(client, log, None)
	jobs.raw(status="failed", site=SITE + ".evil")
	noted_id, going_on = jobs.raw(status="failed", age=50), jobs.raw(status="failed", age=50)
	log.end(
		Run(noted_id, "m", "default", time.time() - 50, ended_at=time.time() - 49, outcome="success"),
		begun=False,
	)
	log.begin(Run(going_on, "m", "default", time.time() - 50))
	assert catch_up(client, log, cursors)[1] == 0


def test_a_noted_end_is_forgotten_after_an_hour(client: RqClient, log: RunLog) -> None:
	at = time.time() - 5
	log.end(Run("a", "m", "default", at, ended_at=at, outcome="success"), begun=False)
	log.forget(log.ended())
	client.connection.zadd(log.noted_key, {"old": at - limits.RUNS_NOTED_SECONDS})
	catch_up(client, log, {})
	assert log.noted_at(["a", "old"]) == [at, None]


def test_a_failure_that_a_hook_noted_is_not_noted_again_once_it_is_written_down(
	client: RqClient, log: RunLog, jobs: Jobs
) -> None:
	cursors, _noted = catch_up(client, log, None)
	at = time.time()
	job_id = jobs.raw(status="failed", age=50)
	log.end(Run(job_id, "m", "default", at, ended_at=at, outcome="failed"), begun=False)
	assert catch_up(client, log, cursors)[1] == 0
	log.forget(log.ended())
	assert catch_up(client, log, cursors)[1] == 0


def test_one_key_of_another_type_spoils_one_queue_only(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	cursors, _noted = catch_up(client, log, None)
	jobs.raw(status="failed", queue="short")
	client.connection.sadd("rq:queues", f"rq:queue:{full('odd')}")
	client.connection.set(f"rq:failed:{full('odd')}", "x")
	assert catch_up(client, log, cursors)[1] == 1
