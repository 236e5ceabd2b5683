"""What the other tests stand on does what it says."""

from __future__ import annotations

import os
from typing import Any

import pytest
import rq

from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.queues import read_queues
from tests.support.jobs import Jobs
from tests.support.processes import Workers, wait_until

RUNS_FRAPPE_15_IDS = rq.VERSION.startswith("1.")


def by_status(client: RqClient) -> dict[str, str]:
	return {job.method.rpartition(".")[2]: job.status for job in read_page(client, JobQuery()).rows}


@pytest.mark.parametrize(
	"frappe_version",
	[
		pytest.param(15, marks=pytest.mark.skipif(not RUNS_FRAPPE_15_IDS, reason="RQ 2 cannot run its ids")),
		16,
	],
)
def test_jobs_really_run_fail_time_out_and_get_killed(
	frappe_version: int, client: RqClient, jobs: Jobs, workers: Workers
) -> None:
	for name in ("succeed", "fail", "die"):
		jobs.enqueue(name, frappe_version=frappe_version)
	hanging = jobs.enqueue("hang", timeout=1, frappe_version=frappe_version)
	workers.burst()
	assert by_status(client) == {"succeed": "finished", "fail": "failed", "die": "failed", "hang": "failed"}
	assert "exceeded maximum timeout" in read_job(client, hanging).exception


@pytest.mark.parametrize("frappe_version", [15, 16])
def test_a_job_enqueued_through_rq_is_shaped_as_frappes(
	frappe_version: int, client: RqClient, jobs: Jobs
) -> None:
	job_id = jobs.enqueue("frappe.ping", frappe_version=frappe_version, job_id="x", queue="long", name="a")
	job = read_job(client, job_id)
	assert job_id == {15: "a.localhost::x", 16: "a.localhost||x"}[frappe_version]
	assert (job.site, job.queue, job.method, job.user) == (
		"a.localhost",
		"long",
		"frappe.ping",
		"Administrator",
	)
	assert '"name": "a"' in job.arguments


def test_a_raw_job_stands_where_it_is_put(client: RqClient, jobs: Jobs) -> None:
	for status in ("queued", "started", "failed", "finished", "deferred", "scheduled", "canceled"):
		jobs.raw(status=status)
	jobs.raw(place=None)
	assert read_queues(client)[0].counts == dict.fromkeys(read_queues(client)[0].counts, 1)


def test_a_killed_worker_takes_its_jobs_process_along(
	connection: Any, client: RqClient, jobs: Jobs, workers: Workers
) -> None:
	job_id = jobs.enqueue("progress", percent=40, seconds=3600)
	process = workers.start()
	wait_until(lambda: read_job(client, job_id).progress == 40)
	workers.kill(process)
	wait_until(lambda: not _children_of(process.pid))
	assert read_job(client, job_id).status == "started"


def _children_of(group: int) -> list[int]:
	"""Processes whose session is that of the worker: its job's process stays in it."""
	found = []
	for name in os.listdir("/proc") if os.path.exists("/proc/self") else ():
		try:
			if name.isdigit() and os.getsid(int(name)) == group:
				found.append(int(name))
		except ProcessLookupError:
			continue
	return found
