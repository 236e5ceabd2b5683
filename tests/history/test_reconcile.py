"""Runs whose end no hook saw, with real workers and jobs that are killed, stopped and abandoned."""

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
from job_monitor.core.history import ended_jobs, reconcile, run_writer
from job_monitor.core.history.run_entries import Ended
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.runs import RunLog
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
	"""What the `before_job` hook notes, which RQ's bare workers here do not. RQ notes the start once more before it."""
	log.begin(Run(job.id, "m", "default", time.time() + 0.3, worker=job.worker))


@pytest.fixture
def hanging(client: RqClient, log: RunLog, jobs: Jobs, workers: Workers) -> str:
	"""A job that a worker has begun to run, and whose end no hook will note."""
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
	(ended,) = close(client, log)
	assert ended.run.outcome == "killed"
	assert ended.failure is not None and "signal 9" in ended.failure.message
	assert ended.run.duration is not None and ended.run.duration >= 0
	assert ended.run.ended_at == pytest.approx(job.ended_at.timestamp())  # type: ignore[union-attr]


def test_a_stopped_job(client: RqClient, log: RunLog, hanging: str) -> None:
	send_stop_job_command(client.connection, hanging)
	ends(client, hanging)
	(ended,) = close(client, log)
	assert ended.run.outcome == "stopped"
	assert ended.failure is not None and ended.failure.exception == "Stopped"


def test_a_job_that_is_stopped_and_retried_at_once_was_stopped(
	client: RqClient, log: RunLog, hanging: str
) -> None:
	time.sleep(0.5)
	send_stop_job_command(client.connection, hanging)
	ends(client, hanging)
	assert actions.retry(client, hanging).done
	started(client, hanging)  # RQ's hash is now about this run
	(ended,) = close(client, log)
	assert ended.run.outcome == "stopped"
	assert ended.failure is not None and ended.failure.exception == "Stopped"
	assert ended.run.duration is not None and ended.run.duration < 30


def test_a_job_that_is_stopped_and_removed_at_once_was_stopped(
	client: RqClient, log: RunLog, hanging: str
) -> None:
	time.sleep(0.6)
	stopped_at = time.time()
	assert actions.stop(client, hanging).done
	ends(client, hanging)
	assert actions.remove(client, hanging).done
	time.sleep(1.5)  # the sweep comes later
	(ended,) = close(client, log)
	assert ended.run.outcome == "stopped"
	assert ended.failure is not None and ended.failure.exception == "Stopped"
	assert ended.run.ended_at == pytest.approx(stopped_at, abs=1)
	assert ended.run.duration == pytest.approx(ended.run.ended_at - ended.run.started_at)


def test_a_run_after_the_one_that_was_stopped_is_killed_all_the_same(client: RqClient, log: RunLog) -> None:
	log.note_stop("a.localhost||j")
	log.begin(Run("a.localhost||j", "m", "default", time.time() + 0.01))
	(ended,) = close(client, log)
	assert ended.run.outcome == "killed"


def test_stops_that_are_noted_are_few_and_expire(
	connection: Any, log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(run_writer, "STOPS_NOTED", 3)
	for number in range(5):
		log.note_stop(f"j{number}")
	assert connection.zrange(log.stops_key, 0, -1) == [b"j2", b"j3", b"j4"]
	assert 0 < connection.ttl(log.stops_key) <= limits.RUN_SECONDS


@pytest.mark.parametrize("again", [False, True], ids=["waits", "has failed again"])
def test_a_failure_that_no_hook_noted_is_known_after_a_retry(
	client: RqClient, log: RunLog, jobs: Jobs, workers: Workers, again: bool
) -> None:
	job_id = jobs.enqueue("fail")
	before = Run(job_id, "m", "default", time.time())
	workers.burst()
	log.begin(before)
	assert actions.retry(client, job_id).done
	if again:
		workers.burst()
	(ended,) = close(client, log)
	assert ended.run.outcome == "failed" and ended.failure is not None
	assert ended.failure.exception not in ("Killed", "Failed")


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
	(ended,) = close(client, log)
	assert ended.run.outcome == "timeout", ended.failure
	assert ended.failure is not None and ended.failure.exception == "JobTimeoutException"
	assert "time.sleep" in ended.failure.traceback


def test_a_worker_that_loses_its_power(client: RqClient, log: RunLog, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("hang")
	process = workers.start()
	job = started(client, job_id)
	begin(log, job)
	workers.kill(process)
	client.connection.delete(f"rq:worker:{job.worker}")  # as when its time is up
	(ended,) = close(client, log)
	assert ended.run.outcome == "killed"
	assert ended.failure is not None and ended.failure.message == "The process that ran it vanished."
	assert ended.run.duration is None


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
	(ended,) = close(client, log)
	assert (ended.run.outcome, ended.failure) == ("success", None)


def test_a_run_older_than_the_grace_only(
	client: RqClient, log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.undo()
	run = Run(f"{SITE}||gone", "m", "default", time.time())
	log.begin(run)
	log.begin(replace(run, started_at=time.time() - limits.RUN_GRACE_SECONDS - 1))
	assert [ended.run.outcome for ended in close(client, log)] == ["killed"]
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
def test_an_outcome_follows_rqs_status(job: Job, worker: Worker | None, outcome: str) -> None:
	run = Run("j", "m", "default", NOW.timestamp() + 0.5, worker="w")
	assert ended_jobs.judge(run, job, worker) == outcome
