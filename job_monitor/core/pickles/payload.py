"""Reads a job's payload without importing or running anything that it names.

RQ stores `zlib(pickle((func_name, instance, args, kwargs)))` (rq 1.15.1 to 3.0.0 `job.py`), or the same as
JSON with its JSONSerializer.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from rq.timeouts import BaseTimeoutException

from job_monitor.core import limits
from job_monitor.core.pickles import inert
from job_monitor.core.pickles.pickle_walk import Undecodable as Undecodable
from job_monitor.core.pickles.stand_ins import Opaque as Opaque
from job_monitor.core.wording import Number, say


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


def _integer(digits: str) -> int | str:
	return int(digits) if len(digits) <= limits.NUMBER_CHARS else digits


_JSON = json.JSONDecoder(parse_int=_integer)


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
			raise Undecodable(say("the compressed data is cut off"))
	if len(raw) > max_bytes:
		raise Undecodable(say("it is larger than {0} bytes", Number(max_bytes)))
	return raw


def loads(raw: bytes, max_bytes: int = limits.PAYLOAD_BYTES) -> Any:
	"""The value of a pickle or of RQ's JSON, with stand-ins for every object that is not plain data.

	Linear: a MB takes 0.1 s, a hostile one 0.5 s. A pickle of no plain data is read up to a quarter of `max_bytes`.

	Raises:
		Undecodable: With the reason, in words.
	"""
	try:
		if raw[:1] in (b"[", b"{"):
			return _JSON.decode(raw.decode("utf-8", "surrogatepass"))
		return inert.loads(raw, max_bytes // 4)
	except (Undecodable, BaseTimeoutException):
		raise
	except Exception as error:  # whatever a hostile or broken payload makes of the unpickler
		raise Undecodable(f"{type(error).__name__}: {error}"[:200]) from None


def decode(data: bytes, max_bytes: int = limits.PAYLOAD_BYTES) -> Call:
	"""The call in a job's `data` field.

	Raises:
		Undecodable: With the reason, in words.
	"""
	value = loads(inflate(data, max_bytes), max_bytes)
	if not isinstance(value, (tuple, list)) or len(value) != 4:
		raise Undecodable(say("the payload is not RQ's (function, instance, args, kwargs)"))
	function, instance, args, kwargs = value
	if not isinstance(kwargs, dict):
		raise Undecodable(say("the payload's keyword arguments are no dict"))
	name = dotted(function)
	if name.endswith(".execute_job") and "method" in kwargs and isinstance(kwargs.get("kwargs"), dict):
		return of_frappe(kwargs)
	if instance is not None:
		name = f"{dotted(type(instance))}.{name}"
	return Call(name, {"args": args, **kwargs} if args else kwargs)


def of_frappe(kwargs: dict[Any, Any]) -> Call:
	"""Frappe's `execute_job(site, user, method, event, job_name, is_async, kwargs)` (`utils/background_jobs.py`)."""
	arguments = kwargs["kwargs"]
	called = dotted(kwargs["method"])
	name = _words(kwargs.get("job_name"))
	if name == called or name.startswith("<function "):  # what Frappe 15 fills in by itself
		name = ""
	return Call(
		method_of(called, arguments), arguments, _words(kwargs.get("site")), _words(kwargs.get("user")), name
	)


def method_of(called: str, arguments: dict[Any, Any]) -> str:
	"""What a job does that calls a function with these arguments.

	As Frappe's RQ Job shows it, a scheduled run is called by its method (`job_type`), and a document's method
	by `DocType.method`; a task of `frappe.enqueue_task` (17) by the method behind its wrapper.
	"""
	if called.endswith(".run_scheduled_job") and arguments.get("job_type"):
		return dotted(arguments["job_type"])
	if called.endswith(".task_queue._execute_task") and arguments.get("target_method"):
		return dotted(arguments["target_method"])
	if called.endswith(".run_doc_method") and arguments.get("doctype") and arguments.get("doc_method"):
		return f"{_words(arguments['doctype'])}.{_words(arguments['doc_method'])}"
	return called


def dotted(value: Any) -> str:
	"""Name of a function given as text or by reference."""
	if isinstance(value, type) and issubclass(value, Opaque):
		return value.path
	if isinstance(value, (type, FunctionType)):
		return f"{value.__module__}.{value.__qualname__}"
	if isinstance(value, bytes):
		return value.decode("utf-8", "replace")
	return value if isinstance(value, str) else _words(value)


def _words(value: Any) -> str:
	"""A value as text where a name is expected: a hostile payload puts lists, numbers and objects there.

	Collections show their type only: a few bytes of a pickle unfold into billions of values.
	"""
	if isinstance(value, str) or not value:
		return value or ""
	if isinstance(value, Opaque):
		return f"<{value.path}>"
	is_long = isinstance(value, int) and value.bit_length() > limits.PATTERN_CHARS
	if is_long or isinstance(value, (dict, list, tuple, set, frozenset)):
		return f"<{type(value).__name__}>"
	try:
		return str(value)[: limits.PATTERN_CHARS]
	except BaseTimeoutException:
		raise
	except Exception:  # an object put together wrongly on purpose
		return f"<{type(value).__name__}>"
