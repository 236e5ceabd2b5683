"""Reads a job's payload without importing or running anything that it names.

RQ stores `zlib(pickle((func_name, instance, args, kwargs)))` (rq 1.15.1 to 3.0.0 `job.py`), or the same as
JSON with its JSONSerializer. A pickle is a program: here every class or function which it asks for, apart
from a few harmless values, becomes an inert stand-in that only remembers its name and what was put in.
"""

from __future__ import annotations

import datetime
import decimal
import io
import json
import pickle
import pickletools
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from job_monitor.core import limits


class Undecodable(Exception):
	"""Why a payload is not shown. Caught in this package: it becomes the row's `problem`."""


@dataclass(frozen=True)
class Call:
	"""What a job runs.

	Attributes:
		method: Dotted path; for Frappe's wrappers the method behind them (see `of_frappe`).
		name: The `job_name` that its maker gave it, "" if none or just the method.
		arguments: The method's arguments, undigested: pass them through `redaction` before showing.
	"""

	method: str
	arguments: Any
	site: str = ""
	user: str = ""
	name: str = ""


class Opaque(dict[Any, Any]):
	"""Stands for an object of a class that is not loaded. Takes whatever the pickle gives it, does nothing."""

	path = ""
	args: tuple[Any, ...]
	state: Any
	elements: list[Any]
	__hash__ = object.__hash__  # type: ignore[assignment]

	def __new__(cls, *args: Any, **kwargs: Any) -> Opaque:
		self = super().__new__(cls)
		self.args, self.state, self.elements = args, None, []
		return self

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		pass

	def __setstate__(self, state: Any) -> None:
		self.state = state

	def append(self, value: Any) -> None:
		self.elements.append(value)

	def extend(self, values: Any) -> None:
		self.elements.extend(values)

	add = append


@lru_cache(maxsize=512)
def _opaque(path: str) -> type[Opaque]:
	return type("Opaque", (Opaque,), {"path": path})


class _PlainDict(dict[Any, Any]):
	"""A dict of whatever kind. A class, because pickle makes some kinds by NEWOBJ, which takes no function."""

	def __new__(cls, *args: Any, **kwargs: Any) -> _PlainDict:
		return super().__new__(cls)

	def __init__(self, *args: Any, **kwargs: Any) -> None:
		pass

	def __setstate__(self, state: Any) -> None:
		pass


def _bytes(value: Any = b"", *args: Any) -> bytes:
	# Pickle protocols below 3 write bytes as a latin-1 text; an int would allocate that many bytes
	return (
		value.encode("latin-1")
		if isinstance(value, str)
		else bytes(value)
		if not isinstance(value, int)
		else b""
	)


_HARMLESS: dict[str, Callable[..., Any]] = {
	**{f"datetime.{c.__name__}": c for c in (datetime.datetime, datetime.date, datetime.time)},
	**{f"datetime.{c.__name__}": c for c in (datetime.timedelta, datetime.timezone)},
	**{f"builtins.{c.__name__}": c for c in (set, frozenset, complex)},
	"decimal.Decimal": decimal.Decimal,
	"uuid.UUID": uuid.UUID,
	"collections.OrderedDict": _PlainDict,
	"collections.defaultdict": _PlainDict,
	"frappe._dict": _PlainDict,
	"frappe.types.frappedict._dict": _PlainDict,
	"_codecs.encode": _bytes,
	"builtins.bytes": _bytes,
	"builtins.bytearray": _bytes,
}


_PYTHON_2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # protocols below 3 write these


class _Unpickler(pickle.Unpickler):
	def find_class(self, module: str, name: str) -> Any:
		path = f"{_PYTHON_2_MODULES.get(module, module)}.{name}"
		return _HARMLESS.get(path) or _opaque(path)


def _fixed_sizes() -> list[int]:
	sizes = [-1] * 256
	for op in b".0()12NRSVabdeilopstu])}\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94":
		sizes[op] = 0
	for name, size in {"K": 1, "M": 2, "J": 4, "G": 8, "h": 1, "q": 1, "j": 4, "\x80": 1, "\x95": 8}.items():
		sizes[ord(name)] = size
	for op in b"SVILFcigp.":
		sizes[op] = -1
	for op in b"UC\x8c\x8a":
		sizes[op] = -2
	return sizes


_FIXED = _fixed_sizes()
"""Argument bytes of each pickle opcode (cpython `pickletools.py`), -2 if one byte tells them, -1 for those handled below."""

_COUNTED = {ord("T"): 4, ord("X"): 4, ord("B"): 4, 0x8B: 4}
_COUNTED |= {0x8D: 8, 0x8E: 8, 0x96: 8}
_LINES = {ord(c): n for c, n in {"S": 1, "V": 1, "I": 1, "L": 1, "F": 1, "g": 1, "c": 2, "i": 2}.items()}
_SHORT = -2
_PUT, _LONG_PUT, _STOP = ord("p"), ord("r"), ord(".")


def _vet(data: bytes) -> None:
	"""Walk the opcodes and refuse those by which a few bytes make the C unpickler take gigabytes.

	A memo index far beyond the payload's length makes it allocate that many slots; a length beyond the end
	makes it allocate that many bytes; persistent ids and extension codes look up things outside the payload.
	"""
	at, end = 0, len(data)
	while at < end:
		op = data[at]
		size = _FIXED[op]
		if size >= 0:
			at += 1 + size
		elif size == _SHORT:
			at += 2 + data[at + 1] if at + 1 < end else 2
		elif op == _STOP:
			# Whatever stands behind it is not read; what stands before it must not reach beyond the end
			return
		elif op in _COUNTED:
			start = at + 1 + _COUNTED[op]
			at = start + int.from_bytes(data[at + 1 : start], "little")
		else:
			at = _vet_rare(data, at, op)
	raise Undecodable("the payload is cut off")


def _vet_rare(data: bytes, at: int, op: int) -> int:
	if op == _LONG_PUT:
		index, at = int.from_bytes(data[at + 1 : at + 5], "little"), at + 5
	elif op == _PUT:
		line = data.find(b"\n", at) + 1 or len(data)
		digits = data[at + 1 : line - 1]
		index, at = int(digits) if digits.isdigit() and len(digits) < 20 else len(data), line
	elif op in _LINES:
		index, at = 0, at + 1
		for _line in range(_LINES[op]):
			at = data.find(b"\n", at) + 1 or len(data)
	else:
		raise Undecodable(f"the payload is no plain pickle (byte 0x{op:02x})")
	if index >= len(data):
		raise Undecodable("the payload claims more memory than it can need")
	return at


def _vet_tuples(data: bytes) -> None:
	"""Refuse what could hold so many tuples in one another that hashing them overruns the C stack."""
	if len(data) < limits.TUPLES or sum(map(data.count, (b"t", b"\x85", b"\x86", b"\x87"))) < limits.TUPLES:
		return
	made = 0
	for op, _, _ in pickletools.genops(data):
		made += op.name.startswith("TUPLE")
		if made > limits.TUPLES:
			raise Undecodable(f"the payload holds more than {limits.TUPLES:,} tuples")


def inflate(data: bytes, max_bytes: int = limits.PAYLOAD_BYTES) -> bytes:
	"""Undo zlib, up to `max_bytes`. What is not compressed is returned as it is, as RQ does.

	Raises:
		Undecodable: Larger than `max_bytes`, or cut off.
	"""
	stream = zlib.decompressobj()
	try:
		raw = stream.decompress(data, max_bytes + 1)
	except zlib.error:
		raw = data
	else:
		if not stream.eof and len(raw) <= max_bytes:
			raise Undecodable("the compressed data is cut off")
	if len(raw) > max_bytes:
		raise Undecodable(f"it is larger than {max_bytes:,} bytes")
	return raw


def loads(raw: bytes) -> Any:
	"""The value of a pickle or of RQ's JSON, with stand-ins for every object that is not plain data.

	Raises:
		Undecodable: With the reason, in words.
	"""
	try:
		if raw[:1] in (b"[", b"{"):
			return json.loads(raw)
		_vet(raw)
		_vet_tuples(raw)
		return _Unpickler(io.BytesIO(raw)).load()
	except Undecodable:
		raise
	except Exception as error:  # whatever a hostile or broken payload makes of the unpickler
		raise Undecodable(f"{type(error).__name__}: {error}"[:200]) from None


def decode(data: bytes, max_bytes: int = limits.PAYLOAD_BYTES) -> Call:
	"""The call in a job's `data` field.

	Raises:
		Undecodable: With the reason, in words.
	"""
	value = loads(inflate(data, max_bytes))
	if not isinstance(value, (tuple, list)) or len(value) != 4:
		raise Undecodable("the payload is not RQ's (function, instance, args, kwargs)")
	function, instance, args, kwargs = value
	if not isinstance(kwargs, dict):
		raise Undecodable("the payload's keyword arguments are no dict")
	name = dotted(function)
	if name.endswith(".execute_job") and "method" in kwargs and isinstance(kwargs.get("kwargs"), dict):
		return of_frappe(kwargs)
	if instance is not None:
		name = f"{dotted(type(instance))}.{name}"
	return Call(name, {"args": args, **kwargs} if args else kwargs)


def of_frappe(kwargs: dict[Any, Any]) -> Call:
	"""Frappe's `execute_job(site, user, method, event, job_name, is_async, kwargs)` (`utils/background_jobs.py`).

	As core's RQ Job shows it, a scheduled run is called by its method (`job_type`), and a document's method
	by `DocType.method`.
	"""
	arguments = kwargs["kwargs"]
	method = dotted(kwargs["method"])
	name = _words(kwargs.get("job_name"))
	if name == method or name.startswith("<function "):  # what Frappe 15 fills in by itself
		name = ""
	if method.endswith(".run_scheduled_job") and arguments.get("job_type"):
		method = dotted(arguments["job_type"])
	elif method.endswith(".run_doc_method") and arguments.get("doctype") and arguments.get("doc_method"):
		method = f"{_words(arguments['doctype'])}.{_words(arguments['doc_method'])}"
	return Call(method, arguments, _words(kwargs.get("site")), _words(kwargs.get("user")), name)


def dotted(value: Any) -> str:
	"""Name of a function given as text or by reference."""
	if isinstance(value, type) and issubclass(value, Opaque):
		return value.path
	if isinstance(value, type):
		return f"{value.__module__}.{value.__qualname__}"
	if isinstance(value, bytes):
		return value.decode("utf-8", "replace")
	return value if isinstance(value, str) else _words(value)


def _words(value: Any) -> str:
	"""A name, whatever stands in its place: of lists, numbers and the like a payload may hold ones without a text."""
	if isinstance(value, str) or not value:
		return value or ""
	try:
		return str(value)[: limits.PATTERN_CHARS]
	except Exception:  # too deep, too long, or an object put together wrongly on purpose
		return f"<{type(value).__name__}>"
