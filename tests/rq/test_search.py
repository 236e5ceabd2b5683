"""A search finds what a look at every job would find, says how far it came, and goes on from there."""

from __future__ import annotations

import base64
import time
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from job_monitor.core import clock, limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.search import count, search
from tests.support.jobs import BENCH, Jobs, at, frappe_call, packed


def failed_with(jobs: Jobs, job_id: str, traceback: str, **options: Any) -> str:
	jobs.raw(job_id, **{"status": "failed", **options})
	packed_text = base64.b64encode(zlib.compress(traceback.encode()))
	jobs.connection.xadd(f"rq:results:{job_id}", {"type": "2", "exc_string": packed_text})
	return job_id


def found(client: RqClient, **filters: Any) -> set[str]:
	result = search(client, JobQuery(limit=500, **filters), 10)
	assert result.complete and result.looked_at == result.out_of
	assert len({row.id for row in result.rows}) == len(result.rows)
	return {row.id for row in result.rows}


@pytest.fixture
def shop(jobs: Jobs) -> Jobs:
	"""A few jobs which differ in everything that can be asked for."""
	jobs.raw("a.localhost||1", method="shop.invoice.submit", arguments={"name": "SINV-0042", "note": "Grüße"})
	jobs.raw("a.localhost.evil||2", site="a.localhost.evil", method="shop.invoice.cancel", age=7200)
	jobs.raw("a.localhost::3", status="finished", queue="long", arguments={"api_key": "TOPSECRET", "n": 4711})
	failed_with(jobs, "a.localhost||4", "KeyError: 'ACME Ltd'", method="shop.sync", age=60)
	jobs.raw(
		"a.localhost||5", status="stopped", place="failed", method="shop.sync", arguments={"by": "acme ltd"}
	)
	call = frappe_call("shop.sync")
	call[3]["user"] = "jane@example.com"
	jobs.raw("b.localhost||6", status="started", data=packed(call))
	return jobs


@pytest.mark.parametrize(
	("filters", "expected"),
	[
		({"site": "a.localhost"}, "1345"),
		({"site": "a.localhost.evil"}, "2"),
		({"site": "localhost"}, ""),
		({"site": "A.LOCALHOST"}, ""),
		({"job_id": "LOCALHOST||"}, "1456"),
		({"job_id": "evil"}, "2"),
		({"method": "shop.INVOICE"}, "12"),
		({"method": "sync"}, "456"),
		({"user": "JANE@"}, "6"),
		({"user": "admin"}, "12345"),
		({"text": "sinv-0042"}, "1"),
		({"text": "GRÜSSE"}, ""),
		({"text": "grüße"}, "1"),
		({"text": "4711"}, "3"),
		({"text": "topsecret"}, ""),
		({"text": "acme ltd"}, "45"),
		({"text": "KeyError"}, "4"),
		({"text": "evil||2"}, "2"),
		({"text": "invoice"}, "12"),
		({"text": "acme", "method": "shop.sync"}, "45"),
		({"text": "acme", "method": "shop.sync", "user": "admin"}, "45"),
		({"text": "acme", "user": "jane"}, ""),
		({"text": "acme", "statuses": ("stopped",)}, "5"),
		({"statuses": ("stopped",)}, "5"),
		({"statuses": ("stopped", "queued")}, "125"),
		({"statuses": ("stopped", "failed")}, "45"),
		({"site": "a.localhost", "queues": ("long",)}, "3"),
		({"site": "a.localhost", "method": "invoice", "text": "sinv"}, "1"),
	],
)
def test_every_filter_finds_its_jobs_and_no_other(
	client: RqClient, shop: Jobs, filters: dict[str, Any], expected: str
) -> None:
	assert sorted(i[-1] for i in found(client, **filters)) == list(expected)


def test_a_range_of_creation_is_inclusive_and_in_any_time_zone(client: RqClient, jobs: Jobs) -> None:
	for age in (10, 20, 30):
		jobs.raw(f"a||{age}", created_at=at(age))
	middle = read_job(client, "a||20").created_at
	assert middle is not None
	assert found(client, created_after=middle) == {"a||10", "a||20"}
	assert found(client, created_before=middle) == {"a||20", "a||30"}
	assert found(client, created_after=middle, created_before=middle) == {"a||20"}
	assert found(client, created_after=clock.now() + timedelta(1)) == set()


@pytest.mark.parametrize(
	("arguments", "text"),
	[
		({"when": timedelta(days=3)}, "days"),
		({"zone": clock.now().tzinfo}, "utc"),
		({"flag": True}, "true"),
		({"nothing": None}, "null"),
		({"x": float("inf")}, "inf"),
		({"raw": b"12345"}, "bytes"),
		({"password": "x"}, "****"),
		({"items": {"nested": {"deep": "needle"}}}, "needle"),
		({"a": "NEEDLE"}, "needle"),
		({"text": "sales invoice SINV"}, "sales invoice"),
		({"dotted": "frappe.utils.needle"}, "utils.needle"),
		({"name": "ACC-SINV-2026-00077"}, "sinv-2026-00077"),
		({"text": "line\nneedle-77"}, "nneedle-77"),
		({"text": "line\x1fneedle-77"}, "1fneedle-77"),
		({"text": "line\x1fneedle-77"}, "line\\u001fneedle-77"),
		({"id": uuid.UUID(int=7 << 100)}, "0070-0000"),
		({"zone": timezone(timedelta(hours=-5))}, "tc-05:00"),
		({"small": -1e-77}, "1e-77"),
		({"least": float("-inf")}, "-inf"),
		({"count": -77}, '"count": -77'),
	],
)
def test_what_is_shown_of_arguments_can_be_searched(
	client: RqClient, jobs: Jobs, arguments: dict[str, Any], text: str
) -> None:
	job_id = jobs.raw(arguments=arguments)
	jobs.raw()
	assert text in read_job(client, job_id).arguments.lower()
	assert found(client, text=text) == {job_id}


def test_a_hostile_job_is_passed_over_and_the_rest_is_found(client: RqClient, jobs: Jobs) -> None:
	good = jobs.raw(method="app.needle")
	for data in (b"\xff", zlib.compress(b"\x80\x04needle"), packed(("f", None, 5, {})), None):
		jobs.raw(data=data)
	jobs.put("a||gone", "queued")
	jobs.put("a||gone", "failed")
	jobs.connection.rpush("rq:job:a||list", 1)
	jobs.put("a||list", "queued")
	assert good in found(client, text="needle") and found(client, method="needle") == {good}
	assert good in found(client, created_after=clock.now() - timedelta(1))


# Against a look at every job


@dataclass(frozen=True)
class Filter:
	"""A filter beside what it means, in the plainest words."""

	fields: dict[str, Any]
	fits: Callable[[dict[str, Any]], bool]


SITES, METHODS, USERS = (
	("a.localhost", "a.localhost.evil"),
	("shop.sync", "shop.invoice.submit"),
	("jane", "joe"),
)
WORDS = ("needle", "acme", "zulu")
FILTERS = (
	Filter({"site": SITES[0]}, lambda j: j["site"] == SITES[0]),
	Filter({"method": "SYNC"}, lambda j: "sync" in j["method"]),
	Filter({"user": "jane"}, lambda j: j["user"] == "jane"),
	Filter({"text": "needle"}, lambda j: "needle" in (j["word"], j["error"])),
	Filter({"text": "invoice"}, lambda j: "invoice" in j["method"]),
	Filter({"job_id": "7"}, lambda j: "7" in j["id"]),
	Filter({"statuses": ("stopped",)}, lambda j: j["status"] == "stopped"),
	Filter({"created_after": 30}, lambda j: j["age"] <= 30),
)
_job = st.fixed_dictionaries(
	{
		"site": st.sampled_from(SITES),
		"method": st.sampled_from(METHODS),
		"user": st.sampled_from(USERS),
		"word": st.sampled_from(WORDS),
		"error": st.sampled_from(WORDS),
		"status": st.sampled_from(["queued", "started", "failed", "stopped", "finished", "canceled"]),
		"queue": st.sampled_from(["default", "long"]),
	}
)


def write(jobs: Jobs, made: dict[str, Any]) -> None:
	call = frappe_call(made["method"], {"word": made["word"]}, made["site"])
	call[3]["user"] = made["user"]
	place = "failed" if made["status"] == "stopped" else made["status"]
	shape = {"status": made["status"], "place": place, "queue": made["queue"], "data": packed(call)}
	# Half-seconds, so that no job is created on a border
	shape["age"] = made["age"] - 0.5
	if place == "failed":
		failed_with(jobs, made["id"], f"KeyError: {made['error']}", **shape)
	else:
		jobs.raw(made["id"], **shape)
		made["error"] = ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
	st.lists(_job, max_size=40),
	st.sets(st.sampled_from(range(len(FILTERS))), min_size=1, max_size=3),
	st.integers(1, 9),
	st.booleans(),
)
def test_all_calls_together_find_what_a_look_at_every_job_finds(
	connection: Any, made: list[dict[str, Any]], chosen: set[int], limit: int, newest: bool
) -> None:
	connection.flushall()
	client, jobs = RqClient(connection, BENCH), Jobs(connection)
	for n, job in enumerate(made):
		job |= {"age": len(made) - n, "id": f"{job['site']}||{n}"}
		write(jobs, job)
	filters = [FILTERS[n] for n in chosen]
	fields = {name: value for f in filters for name, value in f.fields.items()}
	used = [f for f in filters if all(fields[name] == value for name, value in f.fields.items())]
	if "created_after" in fields:
		fields["created_after"] = clock.now() - timedelta(seconds=fields["created_after"])
	expected = sorted(j["id"] for j in made if all(f.fits(j) for f in used))
	query = JobQuery(**fields, limit=limit, newest_first=newest)
	seen, cursor, looked_at = [], "", -1
	while True:
		result = search(client, query, 5, cursor)
		assert len(result.rows) <= limit
		assert looked_at < result.looked_at <= result.out_of or result.complete
		seen += [row.id for row in result.rows]
		looked_at, cursor = result.looked_at, result.cursor
		if result.complete:
			break
	assert sorted(seen) == expected
	counted = count(client, query, 1000, 5)
	assert counted.complete and counted.matched == len(expected)


# The time box


def many(jobs: Jobs, number: int) -> None:
	pipeline = jobs.connection.pipeline(transaction=False)
	data = packed(frappe_call("shop.sync", {"rows": [{"item": f"ITEM-{n}", "qty": n} for n in range(20)]}))
	for n in range(number):
		pipeline.hset(
			f"rq:job:a||{n}", mapping={"status": "queued", "data": data, "created_at": at(number - n)}
		)
		pipeline.rpush(f"rq:queue:{BENCH}:default", f"a||{n}")
	pipeline.sadd("rq:queues", f"rq:queue:{BENCH}:default")
	pipeline.execute()


def test_a_search_that_runs_out_of_time_says_how_far_it_came_and_goes_on(
	client: RqClient, jobs: Jobs
) -> None:
	many(jobs, 6000)
	started = time.monotonic()
	result = search(client, JobQuery(user="nobody"), 0.05)
	assert time.monotonic() - started < 0.05 + 0.2
	assert 0 < result.looked_at < result.out_of == 6000 and not result.complete and not result.rows
	first = result.looked_at
	while not result.complete:
		result = search(client, JobQuery(user="nobody"), 0.2, result.cursor)
	assert first < result.looked_at == 6000


def test_a_search_stops_as_soon_as_its_page_is_full(client: RqClient, jobs: Jobs) -> None:
	many(jobs, 3000)
	result = search(client, JobQuery(method="shop", limit=5), 10)
	assert len(result.rows) == 5 and result.looked_at < 1000 and result.cursor


def test_a_count_stops_at_what_was_asked_for(client: RqClient, jobs: Jobs) -> None:
	many(jobs, 50)
	some, all_found = (
		count(client, JobQuery(method="shop"), 20, 5),
		count(client, JobQuery(method="shop"), 51, 5),
	)
	assert (some.matched, some.complete) == (20, False)
	assert (all_found.matched, all_found.complete, all_found.rows) == (50, True, ())


def test_new_jobs_do_not_make_a_search_lose_old_ones(client: RqClient, jobs: Jobs) -> None:
	for n in range(20):
		jobs.raw(f"a||old-{n}", age=100 - n, method="app.old")
	query = JobQuery(method="old", limit=7)
	seen, cursor = [], ""
	while True:
		result = search(client, query, 5, cursor)
		seen += [row.id for row in result.rows]
		cursor = result.cursor
		if result.complete:
			break
		jobs.raw(method="app.new")
	assert set(seen) == {f"a||old-{n}" for n in range(20)}


@pytest.mark.parametrize("seconds", [0, -1, limits.SEARCH_MAX_SECONDS + 1, float("nan"), float("inf")])
def test_a_budget_that_is_none_is_refused(client: RqClient, seconds: float) -> None:
	with pytest.raises(InvalidQuery, match="seconds"):
		search(client, JobQuery(text="x"), seconds)
