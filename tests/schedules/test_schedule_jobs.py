"""The jobs of schedules by their ids: which waits, which runs, which blocks; and letting go of the latter."""

from __future__ import annotations

from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.acts import actions
from job_monitor.core.errors import CouldNotAsk, JobNotFound
from job_monitor.core.rq.client import RqClient
from job_monitor.core.schedules import schedule_jobs
from job_monitor.core.schedules.placements import Placement
from tests.support.jobs import Jobs, at, full
from tests.support.processes import Workers, wait_until

ID = "a.localhost||scheduled_job||1"
OLD = 3600.0


def place(client: RqClient, job_id: str = ID) -> Placement:
	return schedule_jobs.read(client, [job_id])[job_id].place


def test_no_job(client: RqClient) -> None:
	assert place(client) is Placement.NONE
	assert schedule_jobs.read(client, []) == {}


@pytest.mark.parametrize("status", ["finished", "failed", "stopped", "canceled", "odd"])
def test_an_ended_job_blocks_nothing(client: RqClient, jobs: Jobs, status: str) -> None:
	jobs.raw(ID, status=status, place=None, age=OLD)
	assert place(client) is Placement.ENDED


@pytest.mark.parametrize("where", ["queued", "deferred", "scheduled"])
def test_a_job_that_will_run_waits(client: RqClient, jobs: Jobs, where: str) -> None:
	jobs.raw(ID, place=where, age=OLD)
	job = schedule_jobs.read(client, [ID])[ID]
	assert (job.place, job.queue, job.served) == (Placement.WAITING, "default", False)


def test_a_job_between_its_queue_and_a_worker_waits(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(ID, place=None, age=OLD)
	jobs.connection.rpush(f"rq:queue:{full('default')}:intermediate", ID)
	assert place(client) is Placement.WAITING


@pytest.mark.parametrize("left_in", [None, "finished", "failed", "canceled"])
def test_a_queued_job_in_no_queue_is_a_zombie_wherever_its_last_run_left_its_id(
	client: RqClient, jobs: Jobs, left_in: str | None
) -> None:
	jobs.raw(ID, place=left_in, age=OLD)
	job = schedule_jobs.read(client, [ID])[ID]
	assert job.place is Placement.ZOMBIE
	assert "stands in no queue" in job.reason


def test_a_young_job_may_be_on_its_way(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(ID, place=None, age=limits.ZOMBIE_GRACE_SECONDS - 20)
	assert place(client) is Placement.UNKNOWN


def test_a_started_job_of_a_worker_that_is_gone_is_a_zombie(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(ID, status="started", age=OLD, worker_name="gone")
	job = schedule_jobs.read(client, [ID])[ID]
	assert (job.place, job.worker) == (Placement.ZOMBIE, "gone")
	assert "its worker gone is gone" in job.reason


def test_a_started_job_that_somebody_beats_for_is_none(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(ID, status="started", age=OLD, worker_name="gone", last_heartbeat=at(60))
	assert place(client) is Placement.UNKNOWN


def test_a_queue_too_long_to_look_through_is_no_proof(
	client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(limits, "SCHEDULE_SCAN", 1)
	jobs.raw(ID, place=None, age=OLD)
	jobs.connection.rpush(f"rq:queue:{full('default')}", *(f"x{n}" for n in range(1_001)))
	assert place(client) is Placement.UNKNOWN


def test_a_key_of_the_wrong_type_is_no_proof(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(ID, place=None, age=OLD)
	jobs.connection.set(f"rq:queue:{full('default')}", "odd")
	assert place(client) is Placement.UNKNOWN
	jobs.connection.set("rq:job:a||odd", "odd")
	assert place(client, "a||odd") is Placement.NONE


def test_round_trips_do_not_grow_with_the_schedules(
	client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	trips = []
	ask = client.ask
	monkeypatch.setattr(client, "ask", lambda commands: trips.append(1) or ask(commands))
	ids = [f"a||{n}" for n in range(400)]
	schedule_jobs.read(client, ids)
	assert len(trips) == 1
	for job_id in ids:
		jobs.raw(job_id, place=None, age=OLD)
	found = schedule_jobs.read(client, ids)
	assert {job.place for job in found.values()} == {Placement.ZOMBIE}
	assert len(trips) <= 8


def test_a_running_job_is_run_and_its_queue_served(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	workers.start("default")
	job_id = jobs.enqueue("hang", job_id="scheduled_job||1")
	wait_until(lambda: place(client, job_id) is Placement.RUNNING)
	assert schedule_jobs.read(client, [job_id])[job_id].served
	outcome = actions.release(client, job_id)
	assert not outcome.done and "run by a worker" in outcome.message


def test_release_of_a_zombie(connection: Any, client: RqClient, jobs: Jobs) -> None:
	jobs.raw(ID, status="started", age=OLD, worker_name="gone")
	jobs.raw("a||other", age=OLD)
	assert actions.release(client, ID).done
	assert not connection.exists(f"rq:job:{ID}")
	assert place(client, "a||other") is Placement.WAITING
	with pytest.raises(JobNotFound):
		actions.release(client, ID)


@pytest.mark.parametrize(
	("status", "where", "age"),
	[("queued", "queued", OLD), ("queued", None, 5.0), ("failed", "failed", OLD), ("started", None, 5.0)],
)
def test_release_of_anything_else_is_refused(
	connection: Any, client: RqClient, jobs: Jobs, status: str, where: str | None, age: float
) -> None:
	jobs.raw(ID, status=status, place=where, age=age)
	outcome = actions.release(client, ID)
	assert (outcome.done, outcome.status) == (False, status)
	assert "blocks nothing" in outcome.message
	assert connection.exists(f"rq:job:{ID}")


def test_release_leaves_a_job_that_changes_in_that_moment(
	connection: Any, client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	jobs.raw(ID, place=None, age=OLD)
	read = schedule_jobs.read

	def read_and_start(client: RqClient, ids: list[str]) -> Any:
		found = read(client, ids)
		connection.hset(f"rq:job:{ID}", "status", "started")
		return found

	monkeypatch.setattr(schedule_jobs, "read", read_and_start)
	outcome = actions.release(client, ID)
	assert (outcome.done, outcome.message) == (False, "its state has changed meanwhile")
	assert connection.exists(f"rq:job:{ID}")


def test_a_redis_that_is_gone_raises(client: RqClient, monkeypatch: pytest.MonkeyPatch) -> None:
	def gone(*_args: Any, **_kwargs: Any) -> Any:
		raise ConnectionError("gone")

	monkeypatch.setattr(client.connection, "pipeline", gone)
	with pytest.raises(CouldNotAsk):
		schedule_jobs.read(client, [ID])
