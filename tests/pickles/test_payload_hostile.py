"""Payloads made to hurt whoever looks at them spoil their own row only."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.rq import job_fields

EXECUTE_JOB = "frappe.utils.background_jobs.execute_job"


def parts_of(value: Any, max_bytes: int = limits.LIST_PAYLOAD_BYTES * 16) -> dict[str, Any]:
	data = value if isinstance(value, bytes) else zlib.compress(pickle.dumps(value))
	return job_fields.call_parts(data, max_bytes, 1000, Redactor())


def nested(levels: int) -> Any:
	value: Any = "x"
	for _ in range(levels):
		value = [value]
	return value


DEEP_KEY = b"\x80\x04(\x8c\x01fN)})" + b"\x85" * 900_000 + b"Nst."
"""900,000 tuples in one another as the key of a dict: hashing it takes more stack than a process has."""


@pytest.mark.parametrize("raw", [DEEP_KEY, DEEP_KEY.replace(b"\x85\x85", b"N\x86")])
def test_a_deeply_nested_key_does_not_crash_the_process(raw: bytes) -> None:
	code = (
		"import sys\nfrom tests.pickles.test_payload_hostile import parts_of\n"
		"print(parts_of(sys.stdin.buffer.read()).get('problem', ''))"
	)
	result = subprocess.run(
		[sys.executable, "-c", code], input=zlib.compress(raw), capture_output=True, timeout=60, check=False
	)
	assert result.returncode == 0, result.stderr.decode()[-500:]
	assert b"cannot be decoded" in result.stdout


def test_many_rows_of_tuples_are_no_nesting() -> None:
	rows = [("ITEM", n, 1.5) for n in range(10_000)]
	assert "problem" not in parts_of((EXECUTE_JOB, None, (), {"method": "m", "kwargs": {"rows": rows}}))


@pytest.mark.parametrize(
	"call",
	[
		(nested(5000), None, (), {}),
		(10**5000, None, (), {}),
		("f", None, 5, {}),
		("f", None, 1.5, {}),
		("f", nested(5000), (), {}),
		(EXECUTE_JOB, None, (), {"method": nested(5000), "kwargs": {}}),
		(EXECUTE_JOB, None, (), {"method": "m", "site": nested(5000), "user": 10**5000, "kwargs": {}}),
		(EXECUTE_JOB, None, (), {"method": "m", "job_name": nested(5000), "kwargs": {}}),
		(EXECUTE_JOB, None, (), {"method": "a.run_scheduled_job", "kwargs": {"job_type": nested(5000)}}),
		(
			EXECUTE_JOB,
			None,
			(),
			{"method": "a.run_doc_method", "kwargs": {"doctype": [], "doc_method": 10**5000}},
		),
		(
			EXECUTE_JOB,
			None,
			(),
			{"method": "a.run_doc_method", "kwargs": {"doctype": nested(5000), "doc_method": "x"}},
		),
		(EXECUTE_JOB, None, (), {"method": b"\xff\xfe", "user": None, "kwargs": {}}),
		("\ud800", None, (), {"\ud800": "\udfff"}),
		(EXECUTE_JOB, None, (), {"method": "\ud800", "user": "\ud800", "job_name": "\ud800", "kwargs": {}}),
	],
)
def test_odd_calls_spoil_their_own_row_only(call: Any) -> None:
	try:
		data = zlib.compress(pickle.dumps(call))
	except RecursionError:
		data = zlib.compress(_flat_pickle(call))
	for value in parts_of(data).values():
		value.encode("utf-8")
		assert len(value) <= 1000


def _flat_pickle(value: Any) -> bytes:
	"""The pickle of a value that is nested too deep for the pickler itself."""
	raw = _write(value)
	return b"\x80\x04" + raw + b"."


def _write(value: Any) -> bytes:
	if isinstance(value, list):
		levels = 0
		while isinstance(value, list) and value:
			value, levels = value[0], levels + 1
		return b"]" * levels + (_write(value) if levels else b"]") + b"a" * levels
	if isinstance(value, tuple):
		return b"(" + b"".join(map(_write, value)) + b"t"
	if isinstance(value, dict):
		return b"}(" + b"".join(_write(k) + _write(v) for k, v in value.items()) + b"u"
	return pickle.dumps(value, protocol=2)[2:-1]


_odd = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
	lambda inner: (
		st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner)
	),
	max_leaves=8,
)
_names = st.sampled_from(["method", "kwargs", "site", "user", "job_name"])
_wrapper = st.dictionaries(_names, _odd)
_inner = st.dictionaries(st.sampled_from(["job_type", "doctype", "doc_method"]), _odd)
_frappe = st.builds(lambda w, k: w | {"kwargs": k, "method": w.get("method")}, _wrapper, _inner)
_runs = st.sampled_from(["a.run_scheduled_job", "a.run_doc_method", "m"])


@settings(max_examples=400, deadline=None)
@given(
	st.tuples(_odd, _odd, _odd, _odd)
	| st.tuples(st.just(EXECUTE_JOB), st.none(), st.just(()), _frappe)
	| st.builds(lambda run, k: (EXECUTE_JOB, None, (), {"method": run, "kwargs": k}), _runs, _inner)
)
def test_whatever_stands_in_a_call_its_row_is_shown(call: Any) -> None:
	for value in parts_of(call).values():
		assert isinstance(value, str)
		value.encode("utf-8")


@pytest.mark.parametrize(
	"meta",
	[
		pickle.dumps({"progress": 40}),
		pickle.dumps({"progress": "40"}),
		pickle.dumps({"progress": True}),
		pickle.dumps({"progress": float("nan")}),
		pickle.dumps({"progress": 10**400}),
		pickle.dumps({"progress": -1}),
		pickle.dumps([1]),
		b"\x80garbage",
		b"x" * (limits.LIST_PAYLOAD_BYTES + 1),
		b"\x80\x04})" + b"\x85" * 60_000 + b"Ns.",
	],
)
def test_any_meta_is_text_and_progress_a_percentage_or_nothing(meta: bytes) -> None:
	text, progress = job_fields.read_meta(meta, Redactor())
	assert isinstance(text, str)
	assert progress == (40.0 if meta == pickle.dumps({"progress": 40}) else None)


def _named(module: str, name: str) -> bytes:
	return b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name)) + b"\x93\x94"


def _again(name: bytes, argument: bytes, call: bytes, times: int) -> bytes:
	"""A call whose one argument is a list of what is called again and again with what stands in the memo."""
	body = b"](" + name + argument + b"\x94" + call * times + b"e"
	return zlib.compress(b"\x80\x04(\x8c\x01fN)}\x8c\x01x" + body + b"st.", 9)


@pytest.mark.parametrize("name", [("_codecs", "encode"), ("builtins", "bytes"), ("__builtin__", "bytes")])
@pytest.mark.parametrize("call", [b"h\x00h\x01\x85R", b"h\x00(h\x01\x8c\x06latin1tR"])
def test_one_text_made_into_bytes_a_thousand_times_takes_no_memory(
	name: tuple[str, str], call: bytes
) -> None:
	text = b"X" + struct.pack("<I", 500_000) + b"k" * 500_000
	data = _again(_named(*name), text, call, 1000)
	assert len(data) < 1000
	tracemalloc.start()
	problem = parts_of(data, limits.PAYLOAD_BYTES)["problem"]
	peak = tracemalloc.get_traced_memory()[1]
	tracemalloc.stop()
	assert "too much memory" in problem
	assert peak < 10_000_000


_MANY = b"}(" + b"".join(b"\x8c\x04%04dN" % number for number in range(8000)) + b"u"


def _number(value: int) -> bytes:
	return b"\x8b" + struct.pack("<I", 300_000) + value.to_bytes(300_000, "little", signed=True)


_HUGE = _number(3 << 2_000_000) + b"\x94" + _number(-86_400 * (3 << 2_000_000))
"""So many days and so many seconds less: nothing, but it takes long to say so."""


@pytest.mark.parametrize(
	"data",
	[
		_again(_named("a", "B"), _MANY, b"h\x00)h\x01\x92", 30_000),
		_again(_named("frappe", "_dict"), _MANY, b"h\x00)h\x01\x92", 30_000),
		_again(_named("datetime", "timedelta"), _HUGE, b"h\x00h\x01h\x02\x86R", 30_000),
	],
)
def test_what_is_put_into_thousands_of_calls_takes_no_time(data: bytes) -> None:
	began = time.process_time()
	assert "cannot be decoded" in parts_of(data, limits.PAYLOAD_BYTES)["problem"]
	assert time.process_time() - began < 1


def test_bytes_and_objects_of_old_and_new_protocols_are_read() -> None:
	for protocol in range(6):
		call = ("f", None, (), {"x": [b"a\xff" * 5000] * 3, "n": [10 ** (700 if protocol > 1 else 400), -1]})
		assert "problem" not in parts_of(zlib.compress(pickle.dumps(call, protocol)), limits.PAYLOAD_BYTES)
