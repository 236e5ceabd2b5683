"""Pickles made to keep busy whoever reads them, or to change the process that does."""

from __future__ import annotations

import pickle
import struct
import sys
import time
import types
from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.pickles import inert, stand_ins
from job_monitor.core.pickles.payload import Undecodable, loads
from job_monitor.core.redaction.plain_values import as_json
from job_monitor.core.redaction.redactor import Redactor

PRIME = 2**61 - 1
"""Python's hash of an integer is its remainder by this."""

HEAD = b"\x80\x04"


def text(value: str) -> bytes:
	return b"\x8c" + bytes([len(value)]) + value.encode()


def named(module: str, name: str) -> bytes:
	return text(module) + text(name) + b"\x93"


def integer(value: int) -> bytes:
	raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
	if len(raw) < 256:
		return b"\x8a" + bytes([len(raw)]) + raw
	return b"\x8b" + struct.pack("<I", len(raw)) + raw


def shared_tuples(levels: int) -> bytes:
	"""Each tuple holds the one before twice: 2**levels values to hash."""
	program = b"N\x85\x94"
	for level in range(levels):
		program += b"0h" + bytes([level]) + b"h" + bytes([level]) + b"\x86\x94"
	return program


COLLIDING = b"".join(integer(n * PRIME) + b"N" for n in range(1, 40_000))
WIDE = b"(" + b"N" * 100_000 + b"t\x94"

BUSY = {
	"colliding integers in a dict": b"}(" + COLLIDING + b"u.",
	"colliding integers in a dict of old": b"(" + COLLIDING + b"d.",
	"colliding integers in a set": b"\x8f(" + COLLIDING + b"\x90.",
	"colliding integers in a frozenset": b"(" + COLLIDING + b"\x91.",
	"colliding tuples": b"}(" + b"".join(integer(n * PRIME) + b"\x85N" for n in range(1, 40_000)) + b"u.",
	"a key of shared tuples": b"}" + shared_tuples(60) + b"Ns.",
	"a wide tuple as a key again and again": b"}(" + WIDE + b"N" + b"h\x00N" * 60_000 + b"u.",
	"a wide tuple as arguments again and again": (
		named("a", "b") + b"\x940" + WIDE + b"0" + b"h\x00h\x01R0" * 60_000 + b"N."
	),
	"a Decimal of a long integer": named("decimal", "Decimal") + integer(1 << 8_000_000) + b"\x85R.",
	"a Decimal of a long text": named("decimal", "Decimal")
	+ b"X"
	+ struct.pack("<I", 900_000)
	+ b"9" * 900_000
	+ b"\x85R.",
	"a long integer as text": b"L" + b"9" * 900_000 + b"L\n.",
	"a long integer, in short": b"I" + b"9" * 900_000 + b"\n.",
	"a long integer as a name": b"Np" + b"9" * 900_000 + b"\n.",
	"a UUID of a long integer": named("uuid", "UUID")
	+ b")\x81}"
	+ text("int")
	+ integer(1 << 8_000_000)
	+ b"sb.",
	"many classes": b"".join(named("m", f"C{n}") + b"0" for n in range(100_000)) + b"N.",
	"a class by a long name": (
		b"X" + struct.pack("<I", 500_000) + b"a" * 500_000 + b"\x940" + b"h\x00h\x00\x930" * 60_000 + b"N."
	),
	"bytes made again and again": (
		named("_codecs", "encode")
		+ b"\x940X"
		+ struct.pack("<I", 300_000)
		+ b"a" * 300_000
		+ b"\x85\x940"
		+ b"h\x00h\x01R0" * 60_000
		+ b"N."
	),
	"a million steps": b"N0" * 500_000 + b"N.",
	"a million nothings": b"(" + b"N" * 1_000_000 + b"l.",
	"deep lists": b"]" * 500_000 + b"a" * 499_999 + b".",
	"deep tuples": b"N" + b"\x85" * 900_000 + b".",
	"a JSON of one long number": b"[" + b"9" * 900_000 + b"]",
	"a deep JSON": b"[" * 500_000,
}


@pytest.mark.parametrize("name", BUSY)
def test_no_payload_keeps_its_reader_busy(name: str) -> None:
	raw = BUSY[name] if BUSY[name].startswith(b"[") else HEAD + BUSY[name]
	began = time.process_time()
	try:
		as_json(Redactor(), loads(raw, 4 * len(raw)), limits.TEXT_CHARS)
	except Undecodable as error:
		assert str(error)
	assert time.process_time() - began < 2


REACHABLE = [*stand_ins._KNOWN, "some.app.Class", "builtins.set", "builtins.eval"]


def _slots(target: Any) -> dict[str, Any]:
	return {name: repr(value) for name, value in vars(target).items()} if hasattr(target, "__dict__") else {}


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("path", REACHABLE)
def test_no_payload_changes_a_class_or_a_function(path: str, careful: bool) -> None:
	module, _, name = path.rpartition(".")
	target = stand_ins.Names(room=1_000).find(module, name)
	before = _slots(target)
	state = b"}" + text("planted") + b"K\x01s"
	for program in (state, b"N" + state + b"\x86", state + state + b"\x86"):
		raw = HEAD + (b"N0" if careful else b"") + named(module, name) + program + b"b."
		with pytest.raises(Undecodable):
			loads(raw)
	assert _slots(target) == before
	assert not hasattr(target, "planted")


def test_what_python_reaches_in_the_usual_way_is_no_function() -> None:
	assert not [path for path, found in stand_ins._KNOWN.items() if isinstance(found, types.FunctionType)]


@pytest.mark.parametrize("odd_keys", [1, limits.PICKLE_ODD_KEYS + 1])
def test_odd_keys_are_shown_whoever_reads_them(odd_keys: int) -> None:
	value = {(n, "a"): n for n in range(odd_keys)} | {2**70: "large", frozenset({1}): "set", None: 1, 2.5: 2}
	shown = as_json(Redactor(), loads(pickle.dumps(value, protocol=5)), 100_000)
	for part in ("\"[0, 'a']\": 0", '"large"', '"[1]": "set"', '"None": 1', '"2.5": 2'):
		assert part in shown


def test_python_reads_what_c_reads() -> None:
	value = {"a": [1, 2.5, None, True, b"x", {"b": ()}], "s": {1, 2}, 3: "é"}
	raw = pickle.dumps(value, protocol=5)
	assert inert._Careful(raw).load() == loads(raw) == value


def test_many_rows_with_dates_are_left_to_c(monkeypatch: pytest.MonkeyPatch) -> None:
	import datetime
	import decimal

	rows = [{"at": datetime.datetime(2026, 1, n % 28 + 1), "sum": decimal.Decimal(n)} for n in range(500)]
	monkeypatch.setattr(inert, "_Careful", None)
	assert len(loads(pickle.dumps(rows, protocol=5))) == 500


@pytest.mark.skipif(sys.version_info < (3, 11), reason="pickles of enums differ before")
def test_an_old_protocol_of_anything_plain_is_read() -> None:
	for protocol in range(3):
		assert loads(pickle.dumps({"a": [1, "x", b"", b"\xff", 2**70, 1.5]}, protocol=protocol)) == {
			"a": [1, "x", b"", b"\xff", 2**70, 1.5]
		}


@pytest.mark.parametrize("container", [b"]", b"}", b"\x8f", b")\x94"])
def test_a_small_payload_of_many_empty_containers_takes_no_gigabyte(container: bytes) -> None:
	with pytest.raises(Undecodable, match="steps"):
		loads(b"\x80\x04" + container * 4_000_000 + b".")
