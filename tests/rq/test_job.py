"""One job in full: everything RQ knows of it."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest
import rq

from job_monitor.core import limits
from job_monitor.core.errors import JobNotFound
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from tests.support.jobs import Jobs, at, frappe_call, packed
from tests.support.processes import Workers


def stream(connection: Any, job_id: str, **fields: str) -> None:
	connection.xadd(f"rq:results:{job_id}", fields)


def encoded(text: str) -> str:
	return base64.b64encode(zlib.compress(text.encode())).decode()


def test_all_fields_of_a_job_are_shown(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(
		"a.localhost||1",
		status="failed",
		method="app.run",
		arguments={"customer": "ACME", "api_key": "hidden"},
		created_at=at(100),
		enqueued_at=at(90),
		started_at=at(60),
		ended_at=at(20),
		last_heartbeat=at(21),
		worker_name="w1",
		timeout=1500,
		retries_left=2,
		dependency_ids=json.dumps(["a.localhost||0"]),
	)
	jobs.connection.sadd("rq:job:a.localhost||1:dependents", "a.localhost||3", "a.localhost||2")
	jobs.connection.expire("rq:job:a.localhost||1", 500)
	job = read_job(client, "a.localhost||1")
	assert (job.site, job.queue, job.status, job.method) == ("a.localhost", "default", "failed", "app.run")
	assert json.loads(job.arguments) == {"customer": "ACME", "api_key": "********"}
	assert (job.user, job.worker, job.timeout, job.retries_left) == ("Administrator", "w1", 1500, 2)
	assert 29 < (job.wait or 0) < 31 and 39 < (job.duration or 0) < 41
	assert job.last_heartbeat and job.ended_at and job.last_heartbeat < job.ended_at
	assert job.dependencies == ("a.localhost||0",)
	assert job.dependents == ("a.localhost||2", "a.localhost||3")
	assert job.ttl is not None and 490 < job.ttl <= 500
	assert job.problem == ""


def test_a_job_that_never_expires_has_no_ttl(client: RqClient, jobs: Jobs) -> None:
	assert read_job(client, jobs.raw()).ttl is None


def test_many_dependents_are_named_up_to_a_limit(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(dependency_ids=json.dumps([f"a||{n}" for n in range(500)]))
	jobs.connection.sadd(f"rq:job:{job_id}:dependents", *[f"a||{n}" for n in range(500)])
	job = read_job(client, job_id)
	assert len(job.dependents) == len(job.dependencies) == limits.DEPENDENTS


@pytest.mark.parametrize("raw", ["", "no json", "{}", "5", "null", '[1, null, "x"]'])
def test_odd_dependencies_spoil_themselves_only(client: RqClient, jobs: Jobs, raw: str) -> None:
	job = read_job(client, jobs.raw(dependency_ids=raw))
	assert job.method and all(isinstance(i, str) for i in job.dependencies)


def test_the_newest_result_tells_the_traceback(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(status="failed", exc_info=zlib.compress(b"from the hash"))
	stream(jobs.connection, job_id, type="2", exc_string=encoded("first try"))
	stream(jobs.connection, job_id, type="2", exc_string=encoded("second try, password='x1y2'"))
	assert read_job(client, job_id).exception == "second try, password=********"
	assert read_page(client, JobQuery()).rows[0].exception == read_job(client, job_id).exception


@pytest.mark.parametrize("raw", [zlib.compress("größer".encode()), "größer".encode()])
def test_a_traceback_in_the_hash_is_shown_where_there_are_no_results(
	client: RqClient, jobs: Jobs, raw: bytes
) -> None:
	job_id = jobs.raw(status="failed", exc_info=raw)
	assert read_job(client, job_id).exception == "größer"


def test_a_success_after_a_failure_shows_no_traceback(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(status="finished")
	stream(jobs.connection, job_id, type="2", exc_string=encoded("first try"))
	stream(jobs.connection, job_id, type="1", return_value="x")
	assert read_job(client, job_id).exception == ""


@pytest.mark.parametrize("bad", ["!!!", "", base64.b64encode(zlib.compress(b"x" * 99)[:-5]).decode(), "\xff"])
def test_a_traceback_that_cannot_be_read_says_so(client: RqClient, jobs: Jobs, bad: str) -> None:
	job_id = jobs.raw(status="failed")
	stream(jobs.connection, job_id, type="2", exc_string=bad)
	job = read_job(client, job_id)
	assert job.method and (job.exception.startswith("cannot be decoded") or not bad)


def test_a_long_traceback_keeps_its_end(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(status="failed")
	stream(jobs.connection, job_id, type="2", exc_string=encoded("é" * 500_000 + "\nKeyError: 'the cause'"))
	job, row = read_job(client, job_id), read_page(client, JobQuery()).rows[0]
	assert limits.TEXT_CHARS - 9 < len(job.exception) <= limits.TEXT_CHARS
	assert limits.LIST_TEXT_CHARS - 9 < len(row.exception) <= limits.LIST_TEXT_CHARS
	assert job.exception.endswith("KeyError: 'the cause'") and row.exception.endswith("'the cause'")


@pytest.mark.parametrize("noise", ["x" * 10_000_000, "one line\n" * 1_000_000], ids=["one line", "many"])
def test_an_error_of_megabytes_still_tells_its_frames_its_type_and_its_end(
	client: RqClient, jobs: Jobs, noise: str
) -> None:
	job_id = jobs.raw(status="failed", data=packed(frappe_call("app.m", {"text": noise})))
	frames = "Traceback (most recent call last):\n" + '  File "app.py", line 7, in run\n    go()\n' * 9
	text = f"{frames}app.Refused: api_key=hunter2hunter2 {noise} the end"
	stream(jobs.connection, job_id, type="2", exc_string=encoded(text))
	job, row = read_job(client, job_id), read_page(client, JobQuery()).rows[0]
	assert job.exception.startswith("Traceback") and "app.Refused: " in job.exception
	assert all(
		shown.endswith(" the end") and "hunter2" not in shown for shown in (job.exception, row.exception)
	)
	assert len(job.exception) <= limits.TEXT_CHARS and len(row.exception) <= limits.LIST_TEXT_CHARS
	if "\n" not in noise:
		assert row.exception.splitlines()[-1].startswith("app.Refused: ")
	assert not row.problem and "own view only" in row.arguments


def test_five_megabytes_of_arguments_open_in_the_jobs_own_view_only(client: RqClient, jobs: Jobs) -> None:
	noise = "".join(chr(33 + (n * 7919 + n // 90) % 90) for n in range(5_000_000))
	data = packed(frappe_call("app.import_rows", {"name": "big", "rows": noise}))
	if len(data) < limits.LIST_PAYLOAD_BYTES:  # compressed too well: as RQ stores it without zlib
		data = zlib.decompress(data)
	job_id = jobs.raw(data=data)
	other = jobs.raw(method="app.small")
	rows = {row.id: row for row in read_page(client, JobQuery()).rows}
	assert "own view only" in rows[job_id].problem and rows[job_id].arguments == ""
	assert rows[other].method == "app.small"
	job = read_job(client, job_id)
	assert job.method == "app.import_rows" and '"name": "big"' in job.arguments
	assert len(job.arguments) <= limits.TEXT_CHARS


def test_progress_is_read_from_meta(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.enqueue(meta={"progress": 40, "token": "hidden"})
	job = read_job(client, job_id)
	assert job.progress == 40.0 and "hidden" not in job.meta and '"progress": 40' in job.meta
	assert read_page(client, JobQuery()).rows[0].progress == 40.0


def test_the_job_name_is_shown_unless_it_is_the_method(client: RqClient, jobs: Jobs) -> None:
	call = frappe_call("app.run")
	call[3]["job_name"] = "Import of ITEM-1"
	assert read_job(client, jobs.raw(data=packed(call))).name == "Import of ITEM-1"
	assert read_job(client, jobs.raw(method="app.run")).name == ""


@pytest.mark.parametrize(
	"job_id", ["gone", "", "a||" + "x" * 5000, "a||\x00\xff", "../etc", "*", "a||1:dependents", "\ud800"]
)
def test_an_unknown_job_is_not_found(client: RqClient, jobs: Jobs, job_id: str) -> None:
	jobs.raw("a||1")
	with pytest.raises(JobNotFound) as raised:
		read_job(client, job_id)
	assert len(str(raised.value)) < 400


def test_a_job_without_payload_is_shown_with_what_there_is(client: RqClient, jobs: Jobs) -> None:
	job = read_job(client, jobs.raw("a||1", data=None))
	assert (job.status, job.queue, job.method) == ("queued", "default", "")
	assert "no payload" in job.problem


@pytest.mark.parametrize(
	("field", "raw"),
	[
		("status", b"\xff\xfe"),
		("origin", b"\xff\xfe"),
		("created_at", b"soon"),
		("started_at", b"\xff"),
		("timeout", b"forever"),
		("timeout", b"9" * 6000),
		("retries_left", b"\xff"),
		("worker_name", b"\xff\x00"),
		("meta", b"\x80\xff"),
		("data", b"\xff\xfe\xfd"),
		("data", zlib.compress(b"\x80garbage")),
		("data", zlib.compress(b"x" * 999)[:-20]),
	],
)
def test_one_odd_field_spoils_that_field_only(client: RqClient, jobs: Jobs, field: str, raw: bytes) -> None:
	job_id = jobs.raw()
	jobs.connection.hset(f"rq:job:{job_id}", field, raw)
	neighbour = jobs.raw()
	job, rows = read_job(client, job_id), read_page(client, JobQuery()).rows
	assert {row.id for row in rows} == {job_id, neighbour}
	for shown in (job, *(row for row in rows if row.id == job_id)):
		assert shown.id == job_id and (shown.problem if field == "data" else not shown.problem)


def test_a_method_whose_name_is_not_utf_8_is_shown(client: RqClient, jobs: Jobs) -> None:
	job = read_job(client, jobs.raw(data=packed((b"app.\xff\xfe.run", None, (), {}))))
	assert job.method == "app.\ufffd\ufffd.run"


def test_a_real_failure_shows_its_traceback_worker_and_times(
	client: RqClient, jobs: Jobs, workers: Workers
) -> None:
	job_id = jobs.enqueue("fail", message="the cause, token=abcdefgh")
	dependent = jobs.enqueue(depends_on=rq.job.Job.fetch(job_id, connection=jobs.connection))
	assert read_job(client, dependent).status == "deferred"
	workers.burst()
	job = read_job(client, job_id)
	assert job.status == "failed" and job.worker
	assert "ValueError: the cause, token=********" in job.exception and "Traceback" in job.exception
	assert job.duration is not None and job.wait is not None and job.ttl
	assert job.dependents == (dependent,) and read_job(client, dependent).dependencies == (job_id,)
