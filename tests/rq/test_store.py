"""Counts and pages of queues and registries, as RQ keeps them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from job_monitor.core import clock, limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.queues import read_queues, with_last_end
from tests.support.jobs import BENCH, Jobs, at, full

PLACES = {"queued": 1, "started": 2, "failed": 3, "finished": 4, "deferred": 5, "scheduled": 6, "canceled": 7}


def ids(client: RqClient, **query: Any) -> list[str]:
	return [job.id for job in read_page(client, JobQuery(**query)).rows]


def fill(jobs: Jobs, status: str, count: int, **options: Any) -> list[str]:
	"""`count` jobs of a status, one second apart. Newest first, as a page shows them."""
	return [
		jobs.raw(
			f"a||{status}-{options.get('queue', 'default')}-{n:05}", status=status, age=count - n, **options
		)
		for n in range(count)
	][::-1]


def test_every_queue_and_status_is_counted(client: RqClient, jobs: Jobs) -> None:
	for status, count in PLACES.items():
		fill(jobs, status, count)
		fill(jobs, status, count * 2, queue="long")
	short, long = read_queues(client)
	assert (short.short_name, short.name, short.bench) == ("default", full("default"), BENCH)
	assert short.counts == PLACES
	assert long.counts == {status: count * 2 for status, count in PLACES.items()}


def test_an_empty_redis_has_no_queues_and_no_jobs(client: RqClient) -> None:
	assert read_queues(client) == [] and with_last_end(client, []) == []
	page = read_page(client, JobQuery())
	assert (page.rows, page.total, page.note) == ((), 0, "")


def test_entries_that_rq_is_about_to_drop_are_neither_counted_nor_listed(
	client: RqClient, jobs: Jobs
) -> None:
	kept = [jobs.raw(status=status) for status in ("finished", "failed")]
	for status in ("finished", "failed"):
		jobs.raw(status=status, score=clock.now().timestamp() - 5)
	assert {read_queues(client)[0].counts[s] for s in ("finished", "failed")} == {1}
	for newest in (True, False):
		assert sorted(ids(client, newest_first=newest)) == sorted(kept)
		assert ids(client, statuses=("failed",), newest_first=newest) == [kept[1]]
	assert read_page(client, JobQuery()).total == 2


def test_the_oldest_waiting_job_is_the_one_at_the_head(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||old", age=500)
	jobs.raw("a||new", age=5)
	queue = read_queues(client)[0]
	assert queue.oldest_job_id == "a||old"
	assert 499 < (queue.oldest_age(clock.now()) or 0) < 510


@pytest.mark.parametrize("in_front", [1, 2, 5])
def test_jobs_put_in_front_do_not_hide_the_oldest(client: RqClient, jobs: Jobs, in_front: int) -> None:
	jobs.enqueue(job_id="old")
	jobs.connection.hset("rq:job:a.localhost||old", "enqueued_at", at(900))
	jobs.enqueue(job_id="newer")
	for n in range(in_front):
		jobs.enqueue(job_id=f"front-{n}", at_front=True)
	assert read_queues(client)[0].oldest_job_id == "a.localhost||old"


def test_a_head_whose_data_are_gone_leaves_the_next_one_as_oldest(client: RqClient, jobs: Jobs) -> None:
	jobs.put("a||gone", "queued")
	jobs.raw("a||there", age=60)
	assert read_queues(client)[0].oldest_job_id == "a||there"
	jobs.connection.delete("rq:job:a||there")
	queue = read_queues(client)[0]
	assert (queue.oldest_job_id, queue.oldest_enqueued_at) == ("a||gone", None)


def test_the_last_end_of_a_queue_is_that_of_its_newest_ended_job(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(status="finished", age=500)
	jobs.raw(status="failed", age=50)
	jobs.raw(status="queued", queue="long")
	default, long = with_last_end(client, read_queues(client))
	assert default.last_ended_at and 49 < (clock.now() - default.last_ended_at).total_seconds() < 60
	assert long.last_ended_at is None


def test_queues_are_called_by_short_or_full_name(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||1")
	jobs.raw("a||2", queue="mylong")
	jobs.raw("a||3", queue="long")
	assert ids(client, queues=("long",)) == ["a||3"]
	assert ids(client, queues=(full("mylong"), "mylong")) == ["a||2"]
	assert set(ids(client, queues=("default", "long"))) == {"a||1", "a||3"}
	with pytest.raises(InvalidQuery, match=r"'gone'.*default, long, mylong"):
		ids(client, queues=("gone",))


def test_another_benchs_queues_are_not_shown(connection: Any, client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||ours")
	for other in (f"{BENCH}-2:default", "x:default", f"x-{BENCH}:default"):
		jobs.raw(f"a||{other}", queue=other)
	jobs.connection.sadd("rq:queues", "rq:queue:plain")
	jobs.connection.rpush("rq:queue:plain", "a||plain")
	assert ids(client) == ["a||ours"] and len(read_queues(client)) == 1
	with pytest.raises(InvalidQuery):
		ids(client, queues=("x:default",))
	everyone = RqClient(connection)
	assert len(ids(everyone)) == 5 and "plain" in everyone.queue_names()


def test_a_queue_named_without_a_bench_is_read(connection: Any, jobs: Jobs) -> None:
	client = RqClient(connection)
	jobs.raw("a||1", origin="plain", place=None)
	connection.delete("rq:queues")
	connection.sadd("rq:queues", "rq:queue:plain")
	connection.rpush("rq:queue:plain", "a||1")
	queue = read_queues(client)[0]
	assert (queue.name, queue.short_name, queue.bench, queue.counts["queued"]) == ("plain", "plain", "", 1)
	assert read_page(client, JobQuery(queues=("plain",))).rows[0].queue == "plain"


@pytest.mark.parametrize("status", PLACES)
@pytest.mark.parametrize("newest", [True, False])
def test_pages_of_one_place_meet_and_never_overlap(
	client: RqClient, jobs: Jobs, status: str, newest: bool
) -> None:
	expected = fill(jobs, status, 23)
	expected = expected if newest else expected[::-1]
	seen: list[str] = []
	for offset in range(0, 30, 5):
		page = read_page(client, JobQuery(statuses=(status,), limit=5, offset=offset, newest_first=newest))
		assert page.total == 23
		seen += [job.id for job in page.rows]
	assert seen == expected


def test_a_deep_page_of_one_place_is_read_and_of_many_is_refused(client: RqClient, jobs: Jobs) -> None:
	fill(jobs, "failed", 3)
	jobs.raw()
	assert ids(client, statuses=("failed",), offset=limits.MERGED_OFFSET_ROWS + 1) == []
	with pytest.raises(InvalidQuery, match="choose one status"):
		ids(client, offset=limits.MERGED_OFFSET_ROWS + 1)


def test_filters_that_need_a_search_are_not_silently_ignored(client: RqClient) -> None:
	with pytest.raises(InvalidQuery, match="search"):
		read_page(client, JobQuery(method="x"))


def test_an_execution_in_the_started_registry_is_shown_as_its_job(client: RqClient, jobs: Jobs) -> None:
	for version, mark in ((15, "::"), (16, "||")):
		job_id = f"a.localhost{mark}job-{version}"
		jobs.raw(job_id, status="started", place=None)
		jobs.put(f"{job_id}:{'0123456789abcdef' * 2}", "started")
	rows = read_page(client, JobQuery(statuses=("started",))).rows
	assert {row.id for row in rows} == {"a.localhost::job-15", "a.localhost||job-16"}
	assert all(row.method and row.site == "a.localhost" for row in rows)


def test_a_job_that_runs_anew_under_its_old_id_is_one_row(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||again", status="started")
	jobs.put("a||again", "failed")
	jobs.put("a||again", "finished")
	jobs.raw("a||other")
	assert sorted(ids(client)) == ["a||again", "a||other"]
	assert ids(client, limit=1) + ids(client, limit=1, offset=1) == ids(client)


def test_a_row_has_every_column_of_a_list(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(
		"a.localhost||1",
		status="started",
		worker_name="w1",
		timeout=1500,
		retries_left=2,
		method="app.run",
		age=60,
	)
	(row,) = read_page(client, JobQuery()).rows
	assert (row.site, row.queue, row.status, row.method) == ("a.localhost", "default", "started", "app.run")
	assert (row.worker, row.timeout, row.retries_left, row.user) == ("w1", 1500, 2, "Administrator")
	assert row.created_at and row.created_at.tzinfo is timezone.utc and isinstance(row.started_at, datetime)
	assert (row.wait, row.duration, row.problem) == (0, None, "")


def test_the_page_costs_the_same_however_deep_it_is(client: RqClient, jobs: Jobs) -> None:
	fill(jobs, "failed", 300)
	costs = []
	for offset in (0, 280):
		before = jobs.connection.info("commandstats")
		read_page(client, JobQuery(statuses=("failed",), offset=offset))
		after = jobs.connection.info("commandstats")
		calls = {name: s["calls"] - before.get(name, {"calls": 0})["calls"] for name, s in after.items()}
		costs.append({name: n for name, n in calls.items() if n and name not in ("cmdstat_info",)})
	assert costs[0] == costs[1]
	assert sum(costs[0].values()) < 4 * 20 + 20


def test_statuses_this_version_does_not_know_are_shown_as_they_are(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||1", status="paused_by_rq_9", place="queued")
	jobs.raw("a||2", status="", place="failed")
	rows = {row.id: row for row in read_page(client, JobQuery()).rows}
	assert rows["a||1"].status == "paused_by_rq_9"
	assert rows["a||2"].status == "failed"
	assert read_job(client, "a||1").status == "paused_by_rq_9"


def test_what_stands_at_places_equals_what_is_counted(client: RqClient, jobs: Jobs) -> None:
	for status, count in PLACES.items():
		fill(jobs, status, count)
	for status in keys.PLACES:
		assert len(ids(client, statuses=(status,))) == PLACES[status]
	assert read_page(client, JobQuery()).total == sum(PLACES.values())
