"""How many jobs ended lately, from real workers and from the scores of registries."""

from __future__ import annotations

import time

import pytest

from job_monitor.core import limits
from job_monitor.core.rq import diagnosis, snapshot
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.queues import read_queues, with_last_end
from tests.support.jobs import Jobs
from tests.support.processes import Workers


def test_failures_of_real_workers_are_counted(client: RqClient, jobs: Jobs, workers: Workers) -> None:
	for _ in range(diagnosis.FAILING_LEAST):
		jobs.enqueue("fail")
	jobs.enqueue("succeed")
	workers.burst()
	(queue,) = with_last_end(client, read_queues(client))
	assert (queue.failed_lately, queue.finished_lately) == (diagnosis.FAILING_LEAST, 1)
	found = {finding.code: finding.message for finding in diagnosis.diagnose(snapshot.take(client, 0))}
	assert "10 of 11 jobs" in found["failing-jobs"]


@pytest.mark.parametrize("life", [600, 7 * 86400])
def test_only_what_ended_lately_counts(client: RqClient, jobs: Jobs, life: int) -> None:
	now = time.time()
	ages = (5, 100, limits.LATELY_SECONDS - 10, limits.LATELY_SECONDS + 10, 5000, 90_000)
	for age in ages:
		jobs.raw(status="failed", age=age, score=now - age + life)
	(queue,) = with_last_end(client, read_queues(client))
	assert queue.failed_lately == 3


def test_old_failures_are_not_lately(client: RqClient, jobs: Jobs) -> None:
	for age in range(1000, 1050):
		jobs.raw(status="failed", age=age)
	(queue,) = with_last_end(client, read_queues(client))
	assert queue.failed_lately == 0 and queue.last_ended_at


def test_a_registry_without_data_or_without_an_end_counts_nothing(client: RqClient, jobs: Jobs) -> None:
	jobs.put("a||gone", "failed")
	jobs.raw("a||for-ever", status="finished", score=float("inf"))
	(queue,) = with_last_end(client, read_queues(client))
	assert queue.failed_lately == 0 and queue.finished_lately <= 1
