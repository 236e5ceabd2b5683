"""Waiting jobs by site: every id counted once, under its whole site."""

from __future__ import annotations

from typing import Any

import pytest

from job_monitor.core.rq import site_counts
from job_monitor.core.rq.site_counts import waiting_by_site
from job_monitor.core.rq.store import RqClient
from tests.support.jobs import Jobs


def test_each_site_by_its_whole_name_and_both_separators(client: RqClient, jobs: Jobs) -> None:
	for job_id in ("a.local||1", "a.local::2", "a.local.evil||1", "a.local||scheduled_job::x", "no-site"):
		jobs.raw(job_id)
	jobs.raw("a.local||3", queue="long")
	jobs.raw("a.local||4", status="failed")
	assert waiting_by_site(client) == ({"a.local": 4, "a.local.evil": 1, "": 1}, True)


def test_all_chunks_are_read(client: RqClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(site_counts, "_CHUNK", 7)
	for n in range(21):
		jobs.raw(f"a||{n}")
	assert waiting_by_site(client) == ({"a": 21}, True)


def test_when_the_time_is_up_it_says_so(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||1")
	counted, exact = waiting_by_site(client, seconds=-1)
	assert (sum(counted.values()), exact) == (0, False)


def test_a_queue_of_a_wrong_type_is_no_exact_count(client: RqClient, jobs: Jobs, connection: Any) -> None:
	jobs.raw("a||1")
	connection.delete(*connection.keys("rq:queue:*"))
	connection.set(f"rq:queue:{client.queue_names()[0]}", "text")
	assert waiting_by_site(client)[1] is False
