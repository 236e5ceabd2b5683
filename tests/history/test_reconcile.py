"""Runs whose end no hook saw, with real workers and jobs that are killed, stopped and abandoned; and failures before
the hooks."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rq import Queue, Retry
from rq.command import send_stop_job_command

from job_monitor.core import clock, limits
from job_monitor.core.acts import actions
from job_monitor.core.history import reconcile, runs
from job_monitor.core.history.runs import Ended, Run, RunLog
from job_monitor.core.rq import workers as workers_
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job, read_rows
from job_monitor.core.rq.records import Job, Verdict, Worker
from tests.support import methods
from tests.support.jobs import BENCH, SITE, Jobs, full
from tests.support.processes import Workers, wait_until


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "RUN_GRACE_SECONDS", -1)


@pytest.fixture
def log(connection: Any) -> RunLog:
	return RunLog(connection, BENCH, SITE)


def started(client: RqClient, job_id: str) -> Job:
	def running() -> Job | None:
		job = read_rows(client, [("", job_id)])[0]
		return job if job.status == "started" and job.worker else None

	found: Job = wait_until(running)
	return found


def begin(log: RunLog, job: Job) -> None:
	"""What the `before_job` hook says, which RQ's bare workers here do not. RQ notes the start once more before it."""
	log.begin(Run(job.id, "m", "default", time.time() + 0.3, worker=job.worker))


@pytest.fixture
def hanging(client: RqClient, log: RunLog, jobs: Jobs, workers: Workers) -> str:
	"""A job that a worker has begun to run, and whose end no hook will tell."""
	job_id = jobs.enqueue("hang")
	workers.start()
	begin(log, started(client, job_id))
	return job_id


def close(client: RqClient, log: RunLog) -> list[Ended]:
	reconcile.close(client, log, lambda: workers_.read_all(client))
	return log.ended()


def ends(client: RqClient, job_id: str) -> None:
	wait_until(lambda: read_rows(client, [("", job_id)])[0].status != "started")


def test_a_run_that_goes_on_is_left_alone(client: RqClient, log: RunLog, hanging: str) -> None:
	assert close(client, log) == []
	assert len(log.running()) == 1


def test_a_killed_work_horse(client: RqClient, log: RunLog, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("die")
	workers.burst()
	job = read_job(client, job_id)
	log.begin(Run(job_id, "m", "default", job.started_at.timestamp() + 0.001, worker=job.worker))  # type: ignore[union-attr]
	(told,) = close(client, log)
	assert told.run.outcome == "killed"
	assert told.failure is not None and "signal 9" in told.failure.message
	assert told.run.duration is not None and told.run.duration >= 0
	assert told.run.ended_at == pytest.approx(job.ended_at.timestamp())  # type: ignore[union-attr]


def test_a_stopped_job(client: RqClient, log: RunLog, hanging: str) -> None:
	send_stop_job_command(client.connection, hanging)
	ends(client, hanging)
	(told,) = close(client, log)
	assert told.run.outcome == "stopped"
	assert told.failure is not None and told.failure.exception == "Stopped"


def test_a_job_that_is_stopped_and_retried_at_once_was_stopped(
	client: RqClient, log: RunLog, hanging: str
) -> None:
	time.sleep(0.5)
	send_stop_job_command(client.connection, hanging)
	ends(client, hanging)
	assert actions.retry(client, hanging).done
	started(client, hanging)  # which RQ's hash now tells of
	(told,) = close(client, log)
	assert told.run.outcome == "stopped"
	assert told.failure is not None and told.failure.exception == "Stopped"
	assert told.run.duration is not None and told.run.duration < 30


def test_a_job_that_is_stopped_and_removed_at_once_was_stopped(
	client: RqClient, log: RunLog, hanging: str
) -> None:
	time.sleep(0.6)
	stopped_at = time.time()
	assert actions.stop(client, hanging).done
	ends(client, hanging)
	assert actions.remove(client, hanging).done
	time.sleep(1.5)  # the sweep comes later
	(told,) = close(client, log)
	assert told.run.outcome == "stopped"
	assert told.failure is not None and told.failure.exception == "Stopped"
	assert told.run.ended_at == pytest.approx(stopped_at, abs=1)
	assert told.run.duration == pytest.approx(told.run.ended_at - told.run.started_at)


def test_a_run_after_the_one_that_was_stopped_is_killed_all_the_same(client: RqClient, log: RunLog) -> None:
	log.note_stop("a.localhost||j")
	log.begin(Run("a.localhost||j", "m", "default", time.time() + 0.01))
	(told,) = close(client, log)
	assert told.run.outcome == "killed"


def test_stops_that_are_noted_are_few_and_expire(
	connection: Any, log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(runs, "STOPS_NOTED", 3)
	for number in range(5):
		log.note_stop(f"j{number}")
	assert connection.zrange(log.stops_key, 0, -1) == [b"j2", b"j3", b"j4"]
	assert 0 < connection.ttl(log.stops_key) <= limits.RUN_SECONDS


@pytest.mark.parametrize("again", [False, True], ids=["waits", "has failed again"])
def test_a_failure_that_no_hook_told_is_known_after_a_retry(
	client: RqClient, log: RunLog, jobs: Jobs, workers: Workers, again: bool
) -> None:
	job_id = jobs.enqueue("fail")
	before = Run(job_id, "m", "default", time.time())
	workers.burst()
	log.begin(before)
	assert actions.retry(client, job_id).done
	if again:
		workers.burst()
	(told,) = close(client, log)
	assert told.run.outcome == "failed" and told.failure is not None
	assert told.failure.exception not in ("Killed", "Failed")


def test_an_attempt_that_rq_makes_again_is_no_failure(
	client: RqClient, log: RunLog, workers: Workers
) -> None:
	queue = Queue(full("default"), connection=client.connection)
	job = queue.enqueue(methods.die, job_id=f"{SITE}||again", retry=Retry(max=1, interval=3600))
	log.begin(Run(job.id, "m", "default", time.time()))
	workers.burst()
	assert read_job(client, job.id).status == "scheduled"
	assert close(client, log) == [] and log.running() == []


def test_a_time_limit_that_no_hook_saw(client: RqClient, log: RunLog, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("hang", timeout=1)
	workers.start()
	begin(log, started(client, job_id))
	ends(client, job_id)
	(told,) = close(client, log)
	assert told.run.outcome == "timeout", told.failure
	assert told.failure is not None and told.failure.exception == "JobTimeoutException"
	assert "time.sleep" in told.failure.traceback


def test_a_worker_that_loses_its_power(client: RqClient, log: RunLog, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("hang")
	process = workers.start()
	job = started(client, job_id)
	begin(log, job)
	workers.kill(process)
	client.connection.delete(f"rq:worker:{job.worker}")  # as when its time is up
	(told,) = close(client, log)
	assert told.run.outcome == "killed"
	assert told.failure is not None and told.failure.message == "The process that ran it vanished."
	assert told.run.duration is None


def test_a_frozen_worker_is_not_dead_yet(client: RqClient, log: RunLog, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("hang")
	process = workers.start()
	begin(log, started(client, job_id))
	os.kill(process.pid, signal.SIGSTOP)
	try:
		assert close(client, log) == []
	finally:
		os.kill(process.pid, signal.SIGCONT)


def test_a_success_whose_end_was_not_heard(
	client: RqClient, log: RunLog, jobs: Jobs, workers: Workers
) -> None:
	job_id = jobs.enqueue("hang", seconds=1)
	workers.start()
	begin(log, started(client, job_id))
	ends(client, job_id)
	(told,) = close(client, log)
	assert (told.run.outcome, told.failure) == ("success", None)


def test_a_run_older_than_the_grace_only(
	client: RqClient, log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.undo()
	run = Run(f"{SITE}||gone", "m", "default", time.time())
	log.begin(run)
	log.begin(replace(run, started_at=time.time() - limits.RUN_GRACE_SECONDS - 1))
	assert [told.run.outcome for told in close(client, log)] == ["killed"]
	assert log.running() == [run]


NOW = clock.now()
ALIVE = Worker("w", current_job_ids=("j",))


@pytest.mark.parametrize(
	("job", "worker", "outcome"),
	[
		(Job("j"), ALIVE, "killed"),
		(Job("j", status="started", started_at=NOW), ALIVE, ""),
		(Job("j", status="started", started_at=NOW), None, "killed"),
		(Job("j", status="started", started_at=NOW), replace(ALIVE, verdict=Verdict.DEAD), "killed"),
		(Job("j", status="started", started_at=NOW), replace(ALIVE, current_job_ids=()), "killed"),
		(Job("j", status="started", started_at=NOW + timedelta(seconds=9)), ALIVE, "killed"),
		(Job("j", status="queued", started_at=NOW), ALIVE, "killed"),
		(Job("j", status="finished", started_at=NOW), None, "success"),
		(Job("j", status="failed", started_at=NOW), None, "failed"),
		(Job("j", status="stopped", started_at=NOW), None, "stopped"),
		(Job("j", status="canceled", started_at=NOW), None, "stopped"),
		(Job("j", status="a new word", started_at=NOW), None, "killed"),
	],
)
def test_what_rq_says_is_judged(job: Job, worker: Worker | None, outcome: str) -> None:
	run = Run("j", "m", "default", NOW.timestamp() + 0.5, worker="w")
	assert reconcile.judge(run, job, worker) == outcome


# Failures before the hooks


def catch_up(client: RqClient, log: RunLog, marks: Any) -> tuple[Any, int]:
	return reconcile.catch_up(client, log, SITE, marks)


def test_a_failure_before_the_hooks_is_noted_once(
	client: RqClient, log: RunLog, jobs: Jobs, workers: Workers
) -> None:
	marks, _noted = catch_up(client, log, None)
	job_id = jobs.enqueue("no.such.module.run", secret="x", password="hunter2")
	workers.burst()
	marks, noted = catch_up(client, log, marks)
	assert noted == 1
	(told,) = log.ended()
	assert (told.run.job_id, told.run.outcome, told.run.queue) == (job_id, "failed", "default")
	assert told.run.method == "no.such.module.run"
	assert told.failure is not None and told.failure.exception == "ModuleNotFoundError"
	assert "hunter2" not in told.failure.arguments
	for _again in range(2):
		marks, noted = catch_up(client, log, marks)
		assert noted == 0


def test_the_first_run_of_all_only_marks(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	for _n in range(3):
		jobs.raw(status="failed", score=1e9)
	marks, noted = catch_up(client, log, None)
	assert (noted, log.waiting()) == (0, 0)
	assert catch_up(client, log, marks) == (marks, 0)


def test_a_queue_that_is_new_is_looked_through_from_its_beginning(
	client: RqClient, log: RunLog, jobs: Jobs
) -> None:
	marks, _noted = catch_up(client, log, None)
	assert marks == {}
	jobs.raw(status="failed", queue="fresh")
	marks, noted = catch_up(client, log, marks)
	assert noted == 1 and list(marks) == [full("fresh")]
	jobs.raw(status="failed", queue="fresher")
	assert catch_up(client, log, marks)[1] == 1


def test_failures_of_the_same_second_are_all_noted(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	marks, _noted = catch_up(client, log, None)
	for n in range(4):
		jobs.raw(f"{SITE}||{n}", status="failed", score=2e9)
		marks, noted = catch_up(client, log, marks)
		assert noted == 1
	jobs.raw(status="failed", score=2e9 + 1)
	marks, noted = catch_up(client, log, marks)
	assert (noted, len(marks[full("default")][1])) == (1, 1)


def test_more_failures_than_one_look_takes(
	client: RqClient, log: RunLog, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(limits, "CHUNK_ROWS", 7)
	marks, _noted = catch_up(client, log, None)
	for n in range(50):
		jobs.raw(status="failed", score=2e9 + n // 20)
	marks, noted = catch_up(client, log, marks)
	assert (noted, log.waiting()) == (50, 50)
	assert catch_up(client, log, marks) == (marks, 0)


def test_a_job_that_is_kept_longer_hides_none_that_fail_after_it(
	client: RqClient, log: RunLog, jobs: Jobs
) -> None:
	marks: Any = None
	noted = 0
	for n, score in enumerate([1e9, 3e9, 1e9 + 1, 3e9 + 1, 1e9 + 1, 1e9 + 2]):
		marks, more = reconcile.catch_up(client, log, SITE, marks, usual=1e9 + 10)
		assert more == (0 if n < 1 else 1), n
		noted += more
		jobs.raw(f"{SITE}||{n}", status="failed", score=score)
	for more in (1, 0, 0):
		marks, found = reconcile.catch_up(client, log, SITE, marks, usual=1e9 + 10)
		assert found == more
	assert marks[full("default")][0] == 1e9 + 2


def test_only_failures_of_this_site_that_were_not_told(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	marks, _noted = catch_up(client, log, None)
	jobs.raw(status="failed", site=SITE + ".evil")
	told, going_on = jobs.raw(status="failed", age=50), jobs.raw(status="failed", age=50)
	log.end(
		Run(told, "m", "default", time.time() - 50, ended_at=time.time() - 49, outcome="success"), begun=False
	)
	log.begin(Run(going_on, "m", "default", time.time() - 50))
	assert catch_up(client, log, marks)[1] == 0


def test_what_was_told_is_forgotten_after_an_hour(client: RqClient, log: RunLog) -> None:
	at = time.time() - 5
	log.end(Run("a", "m", "default", at, ended_at=at, outcome="success"), begun=False)
	log.forget(log.ended())
	client.connection.zadd(log.noted_key, {"old": at - limits.RUNS_NOTED_SECONDS})
	catch_up(client, log, {})
	assert log.noted_at(["a", "old"]) == [at, None]


def test_a_failure_that_a_hook_told_is_not_told_again_once_it_is_written_down(
	client: RqClient, log: RunLog, jobs: Jobs
) -> None:
	marks, _noted = catch_up(client, log, None)
	at = time.time()
	job_id = jobs.raw(status="failed", age=50)
	log.end(Run(job_id, "m", "default", at, ended_at=at, outcome="failed"), begun=False)
	assert catch_up(client, log, marks)[1] == 0
	log.forget(log.ended())
	assert catch_up(client, log, marks)[1] == 0


def test_one_key_of_another_type_spoils_one_queue_only(client: RqClient, log: RunLog, jobs: Jobs) -> None:
	marks, _noted = catch_up(client, log, None)
	jobs.raw(status="failed", queue="short")
	client.connection.sadd("rq:queues", f"rq:queue:{full('odd')}")
	client.connection.set(f"rq:failed:{full('odd')}", "x")
	assert catch_up(client, log, marks)[1] == 1
