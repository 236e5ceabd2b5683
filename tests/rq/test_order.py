"""Newest first over every queue and status: the order of all pages is that of one sort, no row lost or doubled."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from tests.support.jobs import BENCH, Jobs, full

TTL = {"finished": 600, "failed": 7 * 86400, "canceled": 0}
"""RQ scores these by the moment of their end, and this much."""
QUEUES = ("default", "long", "short")
FIELD = {
	"queued": "enqueued_at",
	"deferred": "created_at",
	"scheduled": "created_at",
	"started": "started_at",
}


class Registries:
	"""Random jobs, written as RQ writes them, and the order in which they should be listed."""

	def __init__(self, connection: Any, jobs: list[tuple[str, str, int]]) -> None:
		self.connection = connection
		self.rank: dict[str, int] = {}
		self.place: dict[str, tuple[str, str]] = {}
		now = datetime.now(timezone.utc).replace(microsecond=0)
		pipeline = connection.pipeline(transaction=False)
		# A queue is in order of time by itself, as jobs are pushed in turn
		for status, queue, age in sorted(jobs, key=lambda job: -job[2]):
			job_id = f"a||{status}-{queue}-{age}"
			self.rank[job_id], self.place[job_id] = age, (status, queue)
			self._write(pipeline, job_id, status, full(queue), now - timedelta(seconds=age))
		pipeline.execute()

	def _write(self, pipeline: Any, job_id: str, status: str, queue: str, moment: datetime) -> None:
		stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
		field = FIELD.get(status, "ended_at")
		pipeline.hset(f"rq:job:{job_id}", mapping={"status": status, "origin": queue, field: stamp})
		pipeline.sadd("rq:queues", f"rq:queue:{queue}")
		key = keys.place_key(status, queue)
		if status == "queued":
			pipeline.rpush(key, job_id)
			return
		# Started, deferred and scheduled ones are scored by something else than their age
		score = moment.timestamp() + TTL[status] if status in TTL else hash(job_id) % 10**9 + 2 * 10**9
		pipeline.zadd(key, {job_id: score})

	def sorted(self, query: JobQuery) -> list[str]:
		chosen = [
			job_id
			for job_id, (status, queue) in self.place.items()
			if (not query.statuses or status in query.statuses)
			and (not query.queues or queue in query.queues)
		]
		return sorted(chosen, key=self.rank.__getitem__, reverse=not query.newest_first)


_job = st.tuples(st.sampled_from(keys.PLACES), st.sampled_from(QUEUES))
_mixed = st.lists(_job, max_size=60)
# Long runs from one place, so that blocks are used up while another place waits
_runs = st.lists(st.tuples(_job, st.integers(1, 40)), max_size=8).map(
	lambda r: [j for j, n in r for _ in range(n)]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
	kinds=_mixed | _runs,
	limit=st.integers(1, 25),
	newest=st.booleans(),
	statuses=st.sets(st.sampled_from(keys.PLACES), max_size=3),
	data=st.data(),
)
def test_all_pages_together_are_one_sorted_list(
	connection: Any,
	kinds: list[tuple[str, str]],
	limit: int,
	newest: bool,
	statuses: set[str],
	data: st.DataObject,
) -> None:
	connection.flushall()
	in_turn = list(range(1, len(kinds) + 1))  # one place holds all of a page's rows, or no two of them
	ages = data.draw(st.just(in_turn) | st.just(in_turn[::-1]) | st.permutations(in_turn))
	made = Registries(connection, [(*kind, age) for kind, age in zip(kinds, ages, strict=True)])
	client = RqClient(connection, BENCH)
	present = {queue for _, queue in made.place.values()}
	queues = tuple(sorted(present & data.draw(st.sets(st.sampled_from(QUEUES)))))
	query = JobQuery(queues=queues, statuses=tuple(statuses), limit=limit, newest_first=newest)
	expected = made.sorted(query)
	seen: list[str] = []
	for offset in range(0, len(expected) + limit, limit):
		page = read_page(client, query.only(offset=offset))
		assert page.total == len(expected)
		seen += [job.id for job in page.rows]
	unordered = (
		len(query.places) == 1 and len(queues or present) == 1 and query.places[0] not in ("queued", *TTL)
	)
	if unordered:  # one place alone keeps RQ's own order, which is by score
		assert sorted(seen) == sorted(expected)
	elif len({made.place[i] for i in expected}) > 1 or not expected:
		assert seen == expected
	else:
		assert sorted(seen) == sorted(expected)


def test_a_registry_of_thousands_is_merged_in_order(connection: Any) -> None:
	kinds = [(("failed", "finished", "queued")[n % 3], QUEUES[n % 2], n + 1) for n in range(500)]
	made = Registries(connection, kinds)
	client = RqClient(connection, BENCH)
	seen = [
		j.id for offset in (0, 200, 400) for j in read_page(client, JobQuery(limit=200, offset=offset)).rows
	]
	assert seen == made.sorted(JobQuery())


def test_a_page_reads_little_more_than_its_rows(connection: Any, client: RqClient) -> None:
	Registries(connection, [("failed", "default", n + 1) for n in range(3000)] + [("queued", "long", 5000)])
	before = connection.info("commandstats")["cmdstat_hmget"]["calls"] if connection.hmget("x", "y") else 0
	read_page(client, JobQuery(limit=20))
	after = connection.info("commandstats")["cmdstat_hmget"]["calls"]
	assert after - before < 100


@pytest.mark.parametrize("ttl", [60, 86400])
def test_other_lives_of_results_than_frappes_are_learnt(client: RqClient, jobs: Jobs, ttl: int) -> None:
	now = datetime.now(timezone.utc).timestamp()
	for age in (10, 30, 50):
		jobs.raw(f"a||finished-{age}", status="finished", age=age, score=int(now - age) + ttl)
		jobs.raw(f"a||queued-{age + 10}", age=age + 10)
	# The queue's newest end is its tail
	jobs.connection.delete(f"rq:queue:{full('default')}")
	for age in (60, 40, 20):
		jobs.put(f"a||queued-{age}", "queued")
	seen = [job.id for job in read_page(client, JobQuery()).rows]
	assert [int(i.rpartition("-")[2]) for i in seen] == [10, 20, 30, 40, 50, 60]


def test_running_jobs_beyond_what_is_sorted_are_still_all_listed(connection: Any, client: RqClient) -> None:
	count = limits.CHUNK_ROWS + 50
	made = Registries(
		connection, [("started", "default", n + 1) for n in range(count)] + [("queued", "long", 1)]
	)
	seen = [
		job.id
		for offset in range(0, count + 1, 500)
		for job in read_page(client, JobQuery(limit=500, offset=offset)).rows
	]
	assert sorted(seen) == sorted(made.rank)


def test_jobs_whose_data_are_gone_come_last_and_are_not_lost(client: RqClient, jobs: Jobs) -> None:
	there = [jobs.raw("a||1", age=5), jobs.raw("a||2", status="failed", age=2)]
	jobs.put("a||gone", "started")
	jobs.put("a||gone-too", "deferred")
	rows = read_page(client, JobQuery()).rows
	assert [row.id for row in rows[:2]] == there[::-1]
	assert {row.id for row in rows[2:]} == {"a||gone", "a||gone-too"}
	assert all("gone from Redis" in row.problem for row in rows[2:])


def test_one_place_that_holds_all_of_the_newest_is_read_on_block_by_block(
	connection: Any, client: RqClient
) -> None:
	newest = [("failed", "default", n + 1) for n in range(100)]
	others = [(status, queue) for status in keys.PLACES for queue in QUEUES]
	made = Registries(connection, newest + [(*place, 200 + n) for n, place in enumerate(others)])
	assert [job.id for job in read_page(client, JobQuery(limit=80)).rows] == made.sorted(JobQuery())[:80]
