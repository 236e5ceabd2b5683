"""The jobs of schedules by their ids: which waits, which runs, which blocks; and letting go of the latter."""

from __future__ import annotations

from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.acts import actions
from job_monitor.core.errors import CouldNotAsk, JobNotFound
from job_monitor.core.rq.store import Store
from job_monitor.core.schedules import schedule_jobs
from job_monitor.core.schedules.schedule_jobs import Place
from tests.support.jobs import Jobs, at, full
from tests.support.processes import Workers, wait_until

ID = "a.localhost||scheduled_job||1"
OLD = 3600.0


def place(store: Store, job_id: str = ID) -> Place:
	return schedule_jobs.read(store, [job_id])[job_id].place


def test_no_job(store: Store) -> None:
	assert place(store) is Place.NONE
	assert schedule_jobs.read(store, []) == {}


@pytest.mark.parametrize("status", ["finished", "failed", "stopped", "canceled", "odd"])
def test_an_ended_job_blocks_nothing(store: Store, jobs: Jobs, status: str) -> None:
	jobs.raw(ID, status=status, place=None, age=OLD)
	assert place(store) is Place.ENDED


@pytest.mark.parametrize("where", ["queued", "deferred", "scheduled"])
def test_a_job_that_will_run_waits(store: Store, jobs: Jobs, where: str) -> None:
	jobs.raw(ID, place=where, age=OLD)
	job = schedule_jobs.read(store, [ID])[ID]
	assert (job.place, job.queue, job.served) == (Place.WAITING, "default", False)


def test_one_between_its_queue_and_a_worker_waits(store: Store, jobs: Jobs) -> None:
	jobs.raw(ID, place=None, age=OLD)
	jobs.connection.rpush(f"rq:queue:{full('default')}:intermediate", ID)
	assert place(store) is Place.WAITING


@pytest.mark.parametrize("left_in", [None, "finished", "failed", "canceled"])
def test_a_queued_job_in_no_queue_is_a_zombie_wherever_its_last_run_left_its_id(
	store: Store, jobs: Jobs, left_in: str | None
) -> None:
	jobs.raw(ID, place=left_in, age=OLD)
	job = schedule_jobs.read(store, [ID])[ID]
	assert job.place is Place.ZOMBIE
	assert "stands in no queue" in job.reason


def test_a_young_one_may_be_on_its_way(store: Store, jobs: Jobs) -> None:
	jobs.raw(ID, place=None, age=limits.ZOMBIE_GRACE_SECONDS - 20)
	assert place(store) is Place.UNKNOWN


def test_a_started_job_of_a_worker_that_is_gone_is_a_zombie(store: Store, jobs: Jobs) -> None:
	jobs.raw(ID, status="started", age=OLD, worker_name="gone")
	job = schedule_jobs.read(store, [ID])[ID]
	assert (job.place, job.worker) == (Place.ZOMBIE, "gone")
	assert "its worker gone is gone" in job.reason


def test_a_started_job_that_somebody_beats_for_is_none(store: Store, jobs: Jobs) -> None:
	jobs.raw(ID, status="started", age=OLD, worker_name="gone", last_heartbeat=at(60))
	assert place(store) is Place.UNKNOWN


def test_a_queue_too_long_to_look_through_is_no_proof(
	store: Store, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(limits, "SCHEDULE_SCAN", 1)
	jobs.raw(ID, place=None, age=OLD)
	jobs.connection.rpush(f"rq:queue:{full('default')}", *(f"x{n}" for n in range(1_001)))
	assert place(store) is Place.UNKNOWN


def test_a_key_of_the_wrong_type_is_no_proof(store: Store, jobs: Jobs) -> None:
	jobs.raw(ID, place=None, age=OLD)
	jobs.connection.set(f"rq:queue:{full('default')}", "odd")
	assert place(store) is Place.UNKNOWN
	jobs.connection.set("rq:job:a||odd", "odd")
	assert place(store, "a||odd") is Place.NONE


def test_round_trips_do_not_grow_with_the_schedules(
	store: Store, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	trips = []
	ask = store.ask
	monkeypatch.setattr(store, "ask", lambda commands: trips.append(1) or ask(commands))
	ids = [f"a||{n}" for n in range(400)]
	schedule_jobs.read(store, ids)
	assert len(trips) == 1
	for job_id in ids:
		jobs.raw(job_id, place=None, age=OLD)
	found = schedule_jobs.read(store, ids)
	assert {job.place for job in found.values()} == {Place.ZOMBIE}
	assert len(trips) <= 8


def test_a_running_job_is_run_and_its_queue_served(store: Store, jobs: Jobs, workers: Workers) -> None:
	workers.start("default")
	job_id = jobs.enqueue("hang", job_id="scheduled_job||1")
	wait_until(lambda: place(store, job_id) is Place.RUNNING)
	assert schedule_jobs.read(store, [job_id])[job_id].served
	outcome = actions.release(store, job_id)
	assert not outcome.done and "run by a worker" in outcome.message


def test_release_of_a_zombie(connection: Any, store: Store, jobs: Jobs) -> None:
	jobs.raw(ID, status="started", age=OLD, worker_name="gone")
	jobs.raw("a||other", age=OLD)
	assert actions.release(store, ID).done
	assert not connection.exists(f"rq:job:{ID}")
	assert place(store, "a||other") is Place.WAITING
	with pytest.raises(JobNotFound):
		actions.release(store, ID)


@pytest.mark.parametrize(
	("status", "where", "age"),
	[("queued", "queued", OLD), ("queued", None, 5.0), ("failed", "failed", OLD), ("started", None, 5.0)],
)
def test_release_of_anything_else_is_refused(
	connection: Any, store: Store, jobs: Jobs, status: str, where: str | None, age: float
) -> None:
	jobs.raw(ID, status=status, place=where, age=age)
	outcome = actions.release(store, ID)
	assert (outcome.done, outcome.status) == (False, status)
	assert "blocks nothing" in outcome.message
	assert connection.exists(f"rq:job:{ID}")


def test_release_lets_go_of_what_changes_in_that_moment(
	connection: Any, store: Store, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	jobs.raw(ID, place=None, age=OLD)
	read = schedule_jobs.read

	def read_and_start(store: Store, ids: list[str]) -> Any:
		found = read(store, ids)
		connection.hset(f"rq:job:{ID}", "status", "started")
		return found

	monkeypatch.setattr(schedule_jobs, "read", read_and_start)
	outcome = actions.release(store, ID)
	assert (outcome.done, outcome.message) == (False, "its state has changed meanwhile")
	assert connection.exists(f"rq:job:{ID}")


def test_redis_that_is_gone_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
	def gone(*_args: Any, **_kwargs: Any) -> Any:
		raise ConnectionError("gone")

	monkeypatch.setattr(store.connection, "pipeline", gone)
	with pytest.raises(CouldNotAsk):
		schedule_jobs.read(store, [ID])
