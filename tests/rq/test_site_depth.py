"""How many jobs of a site stand in a status, by their ids alone."""

from __future__ import annotations

from typing import Any

import pytest

from job_monitor.core.rq import site_depth
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.search import count
from job_monitor.core.rq.store import RqClient
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
def test_it_counts_what_a_search_finds(client: RqClient, jobs: Jobs, statuses: Any, queues: Any) -> None:
	fill(jobs)
	query = OURS.only(statuses=statuses, queues=queues)
	found = site_depth.of_site(client, query, 5)
	assert found.complete
	assert found.matched == count(client, query, 10**9).matched > 0


def test_a_job_that_is_enqueued_anew_under_its_old_id_is_counted_once(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a.localhost||same", status="finished")
	jobs.raw("a.localhost||same", status="queued")
	jobs.raw("a.localhost||other", status="queued")
	assert site_depth.of_site(client, OURS, 5).matched == 2


def test_a_running_job_of_rq_itself_is_counted(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	job_id = jobs.enqueue("hang")
	workers.start("default")
	wait_until(lambda: client.job(job_id).status == "started")
	query = OURS.only(statuses=("queued", "started"))
	assert site_depth.of_site(client, query, 5).matched == count(client, query, 10**9).matched == 1


def test_out_of_time_it_says_how_far_it_came(
	client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(site_depth, "_CHUNK", 10)
	for _n in range(50):
		jobs.raw(status="queued", site="a.localhost")
	found = site_depth.of_site(client, OURS, 0)
	assert not found.complete
	assert (found.matched, found.looked_at, found.out_of) == (10, 10, 50)


@pytest.mark.parametrize("statuses", [("failed",), ("stopped",), ("queued", "failed")])
def test_failed_and_stopped_jobs_are_told_apart_by_their_hashes_only(statuses: Any) -> None:
	assert not site_depth.is_enough(OURS.only(statuses=statuses))
	assert not site_depth.is_enough(OURS.only(method="x"))
	assert site_depth.is_enough(OURS)
