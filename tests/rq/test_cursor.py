"""A search that goes on by cursor: all pages together are the whole answer, each job once, and it comes to an end."""

from __future__ import annotations

import base64
import json
import random
import uuid
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from job_monitor.core import clock, limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import cursor, keys, places
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.search import search
from tests.support.jobs import BENCH, Jobs

QUEUES = ("default", "long", "short", "imports")


def pages(client: RqClient, query: JobQuery, seconds: float = 5.0) -> list[list[str]]:
	found: list[list[str]] = []
	text = ""
	while True:
		result = search(client, query, seconds, text)
		found.append([row.id for row in result.rows])
		text = result.cursor
		if not text:
			assert result.looked_at == result.out_of
			return found
		assert len(found) < 2000, "it never ends"


def fill(jobs: Jobs, kinds: list[tuple[str, str, int, int]]) -> set[str]:
	"""Jobs by status, queue, age and score: few ages and scores, so that many are equal."""
	now = int(clock.now().timestamp())
	rng = random.Random(len(kinds))
	made = set()
	for status, queue, age, score in kinds:
		job_id = f"a.localhost||{uuid.UUID(int=rng.getrandbits(128))}"
		jobs.raw(job_id, status=status, queue=queue, age=age, score=now + 1000 + score)
		made.add(job_id)
	return made


_kind = st.tuples(
	st.sampled_from(keys.PLACES), st.sampled_from(QUEUES), st.integers(0, 5), st.integers(-3, 3)
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
	kinds=st.lists(_kind, max_size=60) | st.lists(_kind, min_size=1, max_size=3).map(lambda k: k * 15),
	statuses=st.sets(st.sampled_from(keys.PLACES)),
	newest=st.booleans(),
	limit=st.integers(1, 20),
	chunk=st.integers(1, 40),
	block=st.integers(1, 8),
	by_site=st.booleans(),
)
def test_all_pages_together_are_the_whole_answer_each_job_once(
	connection: Any,
	kinds: list[tuple[str, str, int, int]],
	statuses: set[str],
	newest: bool,
	limit: int,
	chunk: int,
	block: int,
	by_site: bool,
) -> None:
	connection.flushall()
	client, jobs = RqClient(connection, BENCH), Jobs(connection)
	with pytest.MonkeyPatch.context() as patched:
		patched.setattr(limits, "CHUNK_ROWS", chunk)
		patched.setattr(places, "_SMALLEST_BLOCK", block)
		fill(jobs, kinds)
		query = JobQuery(statuses=tuple(statuses), newest_first=newest, site="a.localhost" if by_site else "")
		expected = sorted(
			key.decode().removeprefix("rq:job:")
			for key in connection.keys("rq:job:*")
			if not statuses or connection.hget(key, "status").decode() in statuses
		)
		seen = [job_id for page in pages(client, query.only(limit=limit)) for job_id in page]
		assert sorted(seen) == expected
		assert len(kinds) > limits.PAGE_ROWS or sorted(seen) == sorted(
			pages(client, query.only(limit=500))[0]
		)


@pytest.mark.parametrize("status", keys.PLACES)
@pytest.mark.parametrize("newest", [True, False])
def test_going_on_over_one_status_of_two_queues_ends(
	client: RqClient, jobs: Jobs, status: str, newest: bool
) -> None:
	made = fill(jobs, [(status, queue, n % 3, n % 2) for n in range(15) for queue in QUEUES[:2]])
	for filters in ({"site": "a.localhost"}, {"method": "succeed"}, {}):
		query = JobQuery(statuses=(status,), limit=4, newest_first=newest, **filters)
		seen = [job_id for page in pages(client, query) for job_id in page]
		assert len(seen) == 30 and set(seen) == made


def test_going_on_without_time_still_gets_on(client: RqClient, jobs: Jobs) -> None:
	made = fill(jobs, [(status, "default", n, n) for n in range(5) for status in keys.PLACES])
	seen = [job_id for page in pages(client, JobQuery(limit=50), 1e-9) for job_id in page]
	assert len(seen) == len(made) and set(seen) == made


@pytest.mark.parametrize("status", ["failed", "finished", "canceled", "started", "scheduled"])
@pytest.mark.parametrize("newest", [True, False])
def test_jobs_that_come_and_go_meanwhile_hide_no_other(
	connection: Any, client: RqClient, jobs: Jobs, status: str, newest: bool
) -> None:
	now = clock.now().timestamp()
	ids = [f"a||{uuid.uuid4()}" for _ in range(40)]
	for n, job_id in enumerate(ids):
		# Of each score there are two, of each moment three
		jobs.raw(job_id, status=status, age=3 * (n // 3), score=int(now) + 1000 - n // 2)
	key = keys.place_key(status, f"{BENCH}:default")
	query = JobQuery(statuses=(status,), newest_first=newest, limit=7)
	seen: list[str] = []
	gone: set[str] = set()
	text, calls = "", 0
	while True:
		result = search(client, query, 5, text)
		seen += [row.id for row in result.rows]
		text, calls = result.cursor, calls + 1
		if not text:
			break
		assert calls < 30
		gone.update(seen[-7:-4])
		connection.zrem(key, *gone)
		age = -50 if newest else 5000  # it stands where the search has been already
		jobs.raw(status=status, age=age, score=int(now) + (9000 if newest else 10))
	seen = [job_id for job_id in seen if job_id in ids]
	assert len(seen) == len(set(seen)) and set(seen) == set(ids)


def test_jobs_that_are_enqueued_all_the_while_do_not_keep_a_search_from_ending(
	client: RqClient, jobs: Jobs
) -> None:
	made = fill(jobs, [("queued", "default", 50 - n, 0) for n in range(30)])
	query, text, seen = JobQuery(statuses=("queued",), limit=5), "", set[str]()
	for _ in range(60):
		result = search(client, query, 5, text)
		seen |= {row.id for row in result.rows}
		if not (text := result.cursor):
			break
		jobs.raw()
		jobs.raw()
	assert not text and made <= seen


def test_a_cursor_is_short(client: RqClient, jobs: Jobs) -> None:
	fill(jobs, [(s, q, n, n) for n in range(20) for s in keys.PLACES for q in QUEUES[:3]])
	assert len(search(client, JobQuery(limit=100)).cursor) < 300


# What is no cursor


def made_up(*parts: Any, query: JobQuery | None = None) -> str:
	packed = json.dumps([cursor._of(query or JobQuery()), *parts]).encode()
	return base64.urlsafe_b64encode(zlib.compress(packed)).decode().rstrip("=")


@pytest.mark.parametrize(
	"text",
	[
		"x",
		"%%%",
		"é",
		"eJw",
		base64.urlsafe_b64encode(b"5").decode(),
		base64.urlsafe_b64encode(zlib.compress(b"[" * 50_000)).decode(),
		base64.urlsafe_b64encode(zlib.compress(b" " * 10**7)).decode(),
		made_up(),
		made_up(5, {}, None),
		made_up({"q": [[99, 1]]}, {}, None),
		made_up({"q": [[1, -1]]}, {}, None),
		made_up({"q": [[1, 1.5]]}, {}, None),
		made_up({"q": [[1, 1, 1]]}, {}, None),
		made_up({"q": [[-9, 1]]}, {}, None),
		made_up({}, {"q": [[1, 1]]}, None),
		made_up({}, {"q": [[1, "x", 1]]}, None),
		made_up({}, {"q": [[1, float("nan"), 1]]}, None),
		made_up({}, {"q": [[1, None, 1]]}, None),
		made_up({}, {}, [1]),
		made_up({}, {}, "xx"),
		made_up({}, {}, ["x", "y"]),
		made_up({}, {}, None, query=JobQuery(text="another")),
		made_up({}, {}, None) + "AAAA",
	],
)
def test_what_is_no_cursor_of_this_search_is_refused(client: RqClient, jobs: Jobs, text: str) -> None:
	jobs.raw()
	with pytest.raises(InvalidQuery, match="cursor"):
		search(client, JobQuery(), 1, text)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
	try:
		assert cursor.read(text, JobQuery()) == cursor.Cursor()
	except InvalidQuery as error:
		assert "cursor" in str(error)


@given(
	st.dictionaries(st.tuples(st.just("queued"), st.text(max_size=5)), st.integers(1, 10**6), max_size=4),
	st.dictionaries(
		st.tuples(st.just("failed"), st.text(max_size=5)),
		st.tuples(st.floats(allow_nan=False), st.integers(0, 99)),
		max_size=4,
	),
	st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_cursor_is_read_as_it_was_written(counts: Any, scores: Any, rank: float | None) -> None:
	pooled = None if rank is None else (rank, cursor.digest("x"), "x")
	back = cursor.read(cursor.write(cursor.Cursor(counts, scores, pooled), JobQuery()), JobQuery())
	assert (back.counts, back.scores) == (counts, scores)
	assert (back.pooled or ())[:2] == (pooled or ())[:2]
