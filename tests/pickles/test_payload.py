"""Payloads are read without importing or running anything they name."""

from __future__ import annotations

import datetime
import decimal
import json
import os
import pickle
import struct
import sys
import tracemalloc
import types
import uuid
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core.pickles import payload
from job_monitor.core.pickles.payload import Undecodable, decode, loads, of_frappe
from job_monitor.core.redaction.plain_values import as_json
from job_monitor.core.redaction.redactor import Redactor


def packed(value: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> bytes:
	return zlib.compress(pickle.dumps(value, protocol=protocol))


def frappe_call(method: Any, /, **kwargs: Any) -> tuple[Any, ...]:
	wrapper = {"site": "a.local", "user": "jane@a.local", "method": method, "event": None, "job_name": None}
	return (
		"frappe.utils.background_jobs.execute_job",
		None,
		(),
		{**wrapper, "is_async": True, "kwargs": kwargs},
	)


class Evil:
	"""Runs a command when it is unpickled by the ordinary unpickler."""

	def __init__(self, command: str) -> None:
		self.command = command

	def __reduce__(self) -> Any:
		return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(6))
def test_every_pickle_protocol_decodes_to_the_same_call(protocol: int) -> None:
	call = decode(packed(frappe_call("frappe.ping", a=1, b=[1.5, None, "x"], c={"d": (1, 2)}), protocol))
	assert (call.method, call.site, call.user) == ("frappe.ping", "a.local", "jane@a.local")
	assert call.arguments == {"a": 1, "b": [1.5, None, "x"], "c": {"d": (1, 2)}}


def test_a_scheduled_run_is_called_by_its_method() -> None:
	run = "frappe.core.doctype.scheduled_job_type.scheduled_job_type.run_scheduled_job"
	assert (
		decode(packed(frappe_call(run, job_type="frappe.email.queue.flush"))).method
		== "frappe.email.queue.flush"
	)


def test_a_documents_method_is_called_by_doctype_and_method() -> None:
	run = "frappe.utils.background_jobs.run_doc_method"
	call = decode(packed(frappe_call(run, doctype="User", name="x", doc_method="submit")))
	assert call.method == "User.submit"


@pytest.mark.parametrize("target", ["app.tasks.export", json.dumps])
def test_a_task_is_called_by_the_method_behind_its_wrapper(target: Any) -> None:
	run = "frappe.utils.task_queue._execute_task"
	arguments = {"task_id": "t", "target_method": target, "task_user": "jane@example.com", "year": 2026}
	call = decode(packed(frappe_call(run, **arguments)))
	assert call.method == ("json.dumps" if callable(target) else target)
	assert call.arguments["year"] == 2026
	# As the recorder hears of it: functions themselves
	assert of_frappe({"method": run, "kwargs": arguments}).method == call.method
	assert decode(packed(frappe_call(run))).method == run


def test_a_method_given_as_function_is_named_and_not_imported() -> None:
	call = decode(packed(frappe_call(json.dumps)))
	assert call.method == "json.dumps"


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_payload_runs_nothing(tmp_path: Path, protocol: int) -> None:
	mark = tmp_path / "was-here"
	hostile = packed(frappe_call("frappe.ping", evil=Evil(f"touch {mark}")), protocol)
	text = as_json(Redactor(), decode(hostile).arguments, 1000)
	assert not mark.exists()
	assert "system" in text and "was-here" in text
	pickle.loads(zlib.decompress(hostile))
	assert mark.exists(), "the payload must be one that does harm when it is unpickled the ordinary way"


def test_a_class_that_does_not_exist_is_shown_by_name() -> None:
	raw = b"\x80\x04\x8c\x0fgone.app.models\x94\x8c\x04Item\x94\x93\x94)\x81\x94}\x94\x8c\x01a\x94K\x01sb."
	value = loads(raw)
	assert json.loads(as_json(Redactor(), {"x": value}, 1000)) == {
		"x": {"<gone.app.models.Item>": {"state": {"a": 1}}}
	}


def test_dates_decimals_and_ids_are_readable() -> None:
	moment = datetime.datetime(2026, 1, 31, 10, 20, tzinfo=datetime.timezone.utc)
	values = {
		"at": moment,
		"price": decimal.Decimal("1.50"),
		"id": uuid.UUID(int=7),
		"big": 2**70,
		"set": {1},
	}
	shown = json.loads(as_json(Redactor(), decode(packed(("f", None, (), values))).arguments, 10_000))
	assert shown["at"] == "2026-01-31 10:20:00+00:00"
	assert (shown["price"], shown["id"], shown["big"], shown["set"]) == (
		"1.50",
		str(uuid.UUID(int=7)),
		2**70,
		[1],
	)


@pytest.mark.parametrize(
	"raw",
	[
		b"",
		b"\x80\x04",
		b"not a pickle",
		b"\x80\x04K\x01",
		b"\x80\x04cposix\nsystem\n",
		pickle.dumps(frappe_call("frappe.ping"))[:-20],
		b"\x80\x04P1\n.",
		b"\x80\x04\x82\x01.",
	],
)
def test_broken_payloads_say_why(raw: bytes) -> None:
	with pytest.raises(Undecodable, match=r"\w"):
		decode(raw)


def test_zlib_garbage_says_why() -> None:
	good = packed(frappe_call("frappe.ping", text="x" * 1000))
	with pytest.raises(Undecodable, match="cut off"):
		decode(good[:-10])


@pytest.mark.parametrize(
	"raw",
	[
		b"\x80\x04Nr" + struct.pack("<I", 0xFFFFFFF0) + b".",
		b"\x80\x04Np4294967280\n.",
		b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
		b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b".",
	],
)
def test_a_few_bytes_cannot_claim_gigabytes(raw: bytes) -> None:
	tracemalloc.start()
	try:
		loads(raw)
	except Undecodable as error:
		assert "cut off" in str(error)
	finally:
		peak = tracemalloc.get_traced_memory()[1]
		tracemalloc.stop()
	assert peak < 1_000_000


def test_a_zip_bomb_is_refused() -> None:
	with pytest.raises(Undecodable, match="larger than"):
		decode(zlib.compress(b"\0" * 50_000_000), 1_000_000)


def test_a_small_pickle_that_unfolds_into_billions_is_cut() -> None:
	value: Any = ["x"] * 10
	for _ in range(9):
		value = [value] * 10
	text = as_json(Redactor(), decode(packed(("f", None, (), {"bomb": value}))).arguments, 100_000)
	assert len(text) <= 100_000


def test_deep_nesting_is_cut() -> None:
	value: Any = "x"
	for _ in range(500):
		value = [value]
	assert "…" in as_json(Redactor(), {"deep": value}, 100_000)


def test_jobs_of_the_json_serializer_are_read() -> None:
	call = decode(zlib.compress(json.dumps(["app.tasks.run", None, [1], {"b": 2}]).encode()))
	assert (call.method, call.arguments) == ("app.tasks.run", {"args": [1], "b": 2})


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_either_decode_or_say_why(raw: bytes) -> None:
	for data in (raw, b"\x80\x04" + raw + b".", zlib.compress(raw)):
		try:
			as_json(Redactor(), payload.decode(data).arguments, 1000)
		except Undecodable as error:
			assert str(error)


_plain = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
	lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
	max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(), _plain), st.integers(0, 5))
def test_plain_arguments_come_back_as_they_went_in(kwargs: dict[str, Any], protocol: int) -> None:
	assert decode(packed(frappe_call("m", **kwargs), protocol)).arguments == kwargs


class Dotted(dict):  # type: ignore[type-arg]
	"""As frappe._dict: a dict subclass, which pickle makes by NEWOBJ."""


def test_a_document_with_frappe_dicts_in_it_is_decoded() -> None:
	Dotted.__module__, Dotted.__qualname__ = "frappe", "_dict"
	stand_in = types.ModuleType("frappe")
	stand_in._dict = Dotted  # type: ignore[attr-defined]
	with pytest.MonkeyPatch.context() as patch:
		patch.setitem(sys.modules, "frappe", stand_in)
		blobs = [packed(frappe_call("app.task", doc=Dotted(name="SINV-1")), protocol=p) for p in range(2, 6)]
	for blob in blobs:
		assert decode(blob).arguments == {"doc": {"name": "SINV-1"}}
