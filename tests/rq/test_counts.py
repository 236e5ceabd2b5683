"""Jobs of sites counted by their ids: every job once, under its whole site."""

from __future__ import annotations

from typing import Any

import pytest

from job_monitor.core.rq import counts
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.search import count
from tests.support.jobs import Jobs
from tests.support.processes import Workers, wait_until

OURS = JobQuery(site="a.localhost")


def fill(jobs: Jobs) -> None:
	for status in ("queued", "started", "finished", "failed", "deferred", "scheduled", "canceled"):
		for site in ("a.localhost", "a.localhost.evil", "b.localhost"):
			for queue in ("default", "long"):
				jobs.raw(status=status, site=site, queue=queue)
	jobs.raw("no-site", status="queued")


@pytest.mark.parametrize(
	"statuses", [(), ("queued",), ("started", "finished"), ("failed", "stopped"), ("canceled",)]
)
@pytest.mark.parametrize("queues", [(), ("long",)])
def test_counting_by_ids_counts_what_a_search_finds(
	client: RqClient, jobs: Jobs, statuses: Any, queues: Any
) -> None:
	fill(jobs)
	query = OURS.only(statuses=statuses, queues=queues)
	found = counts.count_by_ids(client, query, 5)
	assert found.complete
	assert found.matched == count(client, query, 10**9).matched > 0


def test_a_job_that_is_enqueued_anew_under_its_old_id_is_counted_once(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a.localhost||same", status="finished")
	jobs.raw("a.localhost||same", status="queued")
	jobs.raw("a.localhost||other", status="queued")
	assert counts.count_by_ids(client, OURS, 5).matched == 2


def test_a_running_job_of_rq_itself_is_counted(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("hang")
	workers.start("default")
	wait_until(lambda: read_job(client, job_id).status == "started")
	query = OURS.only(statuses=("queued", "started"))
	assert counts.count_by_ids(client, query, 5).matched == count(client, query, 10**9).matched == 1


def test_out_of_time_it_says_how_far_it_came(
	client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(counts, "_CHUNK", 10)
	for _n in range(50):
		jobs.raw(status="queued", site="a.localhost")
	found = counts.count_by_ids(client, OURS, 0)
	assert not found.complete
	assert (found.matched, found.looked_at, found.out_of) == (10, 10, 50)


@pytest.mark.parametrize("statuses", [("failed",), ("stopped",), ("queued", "failed")])
def test_failed_and_stopped_jobs_are_told_apart_by_their_hashes_only(statuses: Any) -> None:
	assert not counts.ids_decide(OURS.only(statuses=statuses))
	assert not counts.ids_decide(OURS.only(method="x"))
	assert counts.ids_decide(OURS)


def test_each_site_by_its_whole_name_and_both_separators(client: RqClient, jobs: Jobs) -> None:
	for job_id in ("a.local||1", "a.local::2", "a.local.evil||1", "a.local||scheduled_job::x", "no-site"):
		jobs.raw(job_id)
	jobs.raw("a.local||3", queue="long")
	jobs.raw("a.local||4", status="failed")
	assert counts.waiting_by_site(client) == ({"a.local": 4, "a.local.evil": 1, "": 1}, True)


def test_all_chunks_of_waiting_jobs_are_read(
	client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(counts, "_CHUNK", 7)
	for n in range(21):
		jobs.raw(f"a||{n}")
	assert counts.waiting_by_site(client) == ({"a": 21}, True)


def test_waiting_jobs_are_not_exact_when_the_time_is_up(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||1")
	sites, exact = counts.waiting_by_site(client, seconds=-1)
	assert (sum(sites.values()), exact) == (0, False)


def test_a_queue_of_a_wrong_type_is_no_exact_count(client: RqClient, jobs: Jobs, connection: Any) -> None:
	jobs.raw("a||1")
	connection.delete(*connection.keys("rq:queue:*"))
	connection.set(f"rq:queue:{client.queue_names()[0]}", "text")
	assert counts.waiting_by_site(client)[1] is False
