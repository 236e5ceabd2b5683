"""Jobs with large payloads are found by method, user and text, shown by what their beginning tells, or counted."""

from __future__ import annotations

import os
import pickle
import time
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.pickles import payload, payload_head
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.search import count, search
from tests.support.jobs import Jobs, frappe_call, packed
from tests.support.methods import succeed

SIZES = {"just over": 100_000, "over the decompressed limit": 2_000_000, "huge": 6_000_000}


def large(size: int, method: str = "app.big_import", **more: Any) -> bytes:
	"""Frappe's call with so many bytes that hardly compress."""
	return packed(frappe_call(method, {"doctype": "Item", "rows": os.urandom(size).hex()[:size], **more}))


def found(client: RqClient, **filters: Any) -> set[str]:
	result = search(client, JobQuery(limit=100, **filters), 20)
	assert not result.cursor
	return {row.id for row in result.rows}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_large_job_is_found_by_method_and_user(client: RqClient, jobs: Jobs, size: int) -> None:
	job_id = jobs.raw(data=large(size))
	jobs.raw(method="app.small")
	for filters in ({"method": "BIG_imp"}, {"user": "admin", "method": "big"}, {"text": "big_import"}):
		assert found(client, **filters) == {job_id}
	assert found(client, method="small", user="nobody") == set()
	assert search(client, JobQuery(method="nothing_like_it"), 20).complete
	assert count(client, JobQuery(method="big_import"), 10, 20).matched == 1


def test_what_is_small_but_unfolds_is_found(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(data=packed(frappe_call("app.zeros", {"rows": "0" * 5_000_000})))
	assert found(client, method="app.zeros") == {job_id}
	(row,) = read_page(client, JobQuery()).rows
	assert row.method == "app.zeros" and "job's own view" in row.arguments and not row.problem


def test_a_text_is_found_at_the_end_of_a_large_job(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(data=packed(frappe_call("app.run", {"a": os.urandom(2**20), "note": "SINV-needle"})))
	for text in ("needle", "SINV-needle"):
		result = search(client, JobQuery(text=text), 20)
		assert [row.id for row in result.rows] == [job_id] and result.complete
	assert search(client, JobQuery(text="nothing_like_it"), 20).complete


def test_what_is_too_large_to_be_looked_through_is_counted(client: RqClient, jobs: Jobs) -> None:
	jobs.raw("a||huge", data=large(6_000_000))
	jobs.raw(arguments={"note": "needle"})
	result = search(client, JobQuery(text="needle"), 20)
	assert (len(result.rows), result.unread, result.cursor, result.complete) == (1, 1, "", False)
	assert count(client, JobQuery(text="needle"), 10, 20).unread == 1
	# Where the beginning decides, nothing is left open
	assert search(client, JobQuery(text="needle", method="small"), 20).unread == 0
	assert search(client, JobQuery(text="big_import"), 20).unread == 0


def test_a_large_failed_job_is_found_by_its_traceback(client: RqClient, jobs: Jobs) -> None:
	from tests.rq.test_search import failed_with

	failed_with(jobs, "a||1", "KeyError: 'ACME'", data=large(6_000_000))
	assert found(client, text="acme", method="big") == {"a||1"}
	assert found(client, text="acme", method="other") == set()


def test_a_list_shows_what_a_large_job_runs(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(data=large(2_000_000, api_key="secret"), meta=pickle.dumps({"progress": 5}))
	(row,) = read_page(client, JobQuery()).rows
	assert (row.id, row.method, row.user, row.progress) == (job_id, "app.big_import", "Administrator", 5)
	assert row.arguments.endswith("… (the rest is shown in the job's own view only)") and not row.problem
	assert '"Item"' in row.arguments and "secret" not in row.arguments
	assert len(row.arguments) <= limits.LIST_TEXT_CHARS and found(client, text="the rest is shown") == set()
	assert len(read_job(client, job_id).arguments) > 10_000


def test_a_list_of_large_jobs_reads_a_bounded_amount(client: RqClient, jobs: Jobs) -> None:
	for n in range(20):
		jobs.raw(f"a||{n}", data=large(1_500_000))
	before = jobs.connection.info("stats")["total_net_output_bytes"]
	rows = read_page(client, JobQuery(limit=20)).rows
	assert (
		jobs.connection.info("stats")["total_net_output_bytes"] - before < limits.LARGE_PAYLOADS_BYTES * 1.1
	)
	assert {row.method for row in rows} == {"app.big_import", ""} and all(
		bool(row.problem) != bool(row.method) for row in rows
	)


# The cut itself


def head(call: Any, protocol: int, compress: bool = True) -> payload.Call:
	raw = pickle.dumps(call, protocol=protocol)
	return payload.decode(payload_head.cut(zlib.compress(raw) if compress else raw))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
	("call", "method", "arguments"),
	[
		(frappe_call("app.run", {"a": 1, "l": [1, {"x": 2}], "big": "x" * 99_999}), "app.run", {"a": 1}),
		(frappe_call("app.run", {"big": ["x" * 999] * 99_999}), "app.run", {}),
		(("app.run", None, (), {"a": 1, "big": "x" * 99_999}), "app.run", {"a": 1}),
		(("app.run", None, (["x" * 99_999],), {"a": 1}), "app.run", {}),
		((succeed, None, (), {"a": 1, "big": "x" * 99_999}), "tests.support.methods.succeed", {"a": 1}),
		(frappe_call("app.run", {str(n): n for n in range(9_999)}), "app.run", {"0": 0, "1": 1}),
	],
)
@pytest.mark.parametrize("compress", [True, False])
def test_the_beginning_tells_the_method_and_whole_arguments_only(
	call: Any, method: str, arguments: dict[str, Any], protocol: int, compress: bool
) -> None:
	found = head(call, protocol, compress)
	assert found.method == method
	assert arguments.items() <= found.arguments.items()
	assert "big" not in found.arguments


def test_a_document_method_is_told_by_its_beginning() -> None:
	arguments = {"doctype": "Item", "name": "x", "doc_method": "sync", "rows": ["x" * 99] * 9_999}
	assert head(frappe_call("frappe.model.document.run_doc_method", arguments), 5).method == "Item.sync"


_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=8),
	lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=4), v, max_size=4) | st.tuples(v, v),
	max_leaves=12,
)


def is_part_of(some: Any, whole: Any) -> bool:
	"""Whether nothing is told that is not there; of the last argument a part may be missing."""
	if isinstance(some, dict):
		return all(repr(name) in repr(whole) and is_part_of(value, whole) for name, value in some.items())
	if isinstance(some, (list, tuple)):
		return all(is_part_of(value, whole) for value in some)
	return repr(some) in repr(whole)


@settings(max_examples=60, deadline=None)
@given(
	st.dictionaries(st.text(max_size=5), _values, max_size=6),
	st.integers(2, 5),
	st.integers(1, 300),
	st.booleans(),
)
def test_wherever_it_is_cut_what_is_told_is_true(
	arguments: dict[str, Any], protocol: int, size: int, of_frappe: bool
) -> None:
	call = frappe_call("app.run", arguments) if of_frappe else ("app.run", None, (), arguments)
	raw = pickle.dumps(call, protocol=protocol)
	whole = payload.decode(raw)
	with pytest.MonkeyPatch.context() as patched:
		patched.setattr(limits, "HEAD_BYTES", size)
		try:
			found = payload.decode(payload_head.cut(raw))
		except payload.Undecodable:
			assert size < 100
			return
	if found.method == whole.method:
		assert is_part_of(found.arguments, whole.arguments)
	else:
		assert of_frappe and found.method.endswith("execute_job")


@pytest.mark.parametrize(
	"data",
	[b"", b"x", b"\x80\x05", b"[1, 2", b"\x80\x05(" * 5000, b"\x80\x05]" + b"a" * 99],
)
def test_what_is_no_payload_has_no_beginning(data: bytes) -> None:
	with pytest.raises(payload.Undecodable):
		payload.decode(payload_head.cut(data))


@given(st.binary(max_size=300))
def test_any_bytes_are_cut_or_refused(data: bytes) -> None:
	try:
		assert payload.decode(payload_head.cut(data)).method is not None
	except payload.Undecodable as error:
		assert str(error)


def test_the_beginning_costs_the_same_however_large_the_rest_is() -> None:
	def cost(size: int) -> float:
		data = zlib.compress(pickle.dumps(frappe_call("app.run", {"rows": ["x"] * size})))
		started = time.process_time()
		for _ in range(5):
			payload_head.cut(data)
		return time.process_time() - started

	cost(10)
	assert cost(10_000_000) < 5 * cost(100_000) + 0.05
