"""From a job's hash to a `Job`. One odd field spoils that field, never the list."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Sequence
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.pickles import payload, payload_head
from job_monitor.core.redaction.plain_values import as_json
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.redaction.values import cut
from job_monitor.core.rq import keys
from job_monitor.core.rq.records import Job
from job_monitor.core.wording import say

FIELDS = (
	"status",
	"origin",
	"created_at",
	"enqueued_at",
	"started_at",
	"ended_at",
	"last_heartbeat",
	"timeout",
	"worker_name",
	"retries_left",
	"meta",
)
"""Fields of the hash which a list reads: small ones. `data` and the traceback are read apart, if they fit."""

TIME_FIELDS = ("created_at", "enqueued_at", "started_at", "ended_at")

Values = Sequence[Any]


def row(
	job_id: str,
	place: str,
	values: Values | Exception,
	redactor: Redactor,
	columns: frozenset[str],
	**parts: Any,
) -> Job:
	"""A job from the values of `FIELDS` and the parts that were read apart.

	Args:
		place: The status by which it was found ("" if not by one).
	"""
	site = keys.site_of(job_id)
	if isinstance(values, Exception):
		return Job(job_id, site=site, status=place, problem=say("cannot be read: {0}", values))
	if not any(value is not None for value in values):
		return Job(
			job_id, site=site, status=place, problem=say("its data is gone from Redis (expired or deleted)")
		)
	fields = dict(zip(FIELDS, values, strict=True))
	times: dict[str, Any] = {name: clock.parse(fields[name]) for name in (*TIME_FIELDS, "last_heartbeat")}
	meta, progress = read_meta(fields["meta"], redactor) if "meta" in columns else ("", None)
	return Job(
		job_id,
		site=site,
		status=keys.text(fields["status"]) or place,
		queue=keys.short_name(keys.text(fields["origin"])),
		timeout=integer(fields["timeout"]),
		worker=keys.text(fields["worker_name"]),
		retries_left=integer(fields["retries_left"]),
		meta=meta,
		progress=progress,
		**times,
		**parts,
	)


def call_parts(data: Any, max_bytes: int, max_chars: int, redactor: Redactor) -> dict[str, Any]:
	"""Method, arguments (laid out for reading in a job's own view; none for 0 characters), user; or the problem."""
	if isinstance(data, Exception):
		return {"problem": say("cannot be read: {0}", data)}
	if data is None:
		return {"problem": say("it has no payload")}
	try:
		call = payload.decode(data, max_bytes)
	except payload.Undecodable as error:
		return {"problem": say("cannot be decoded: {0}", *error.args)}
	return {
		"method": clean(call.method),
		"arguments": as_json(redactor, call.arguments, max_chars, pretty=max_bytes == limits.PAYLOAD_BYTES)
		if max_chars
		else "",
		"user": clean(call.user),
		"name": clean(call.name),
	}


def list_parts(data: Any, max_chars: int, redactor: Redactor) -> dict[str, Any]:
	"""As `call_parts`, in the bounds of a list: of a large payload what its beginning shows."""
	parts = call_parts(data, limits.LIST_PAYLOAD_BYTES * 16, max_chars, redactor)
	if "problem" not in parts or not is_large(data):
		return parts
	parts = head_parts(data, max_chars, redactor)
	if max_chars and "problem" not in parts:
		parts["arguments"] = f"{parts['arguments'][: max_chars - len(_REST)]}{_REST}"
	return parts


_REST = "… (the rest is shown in the job's own view only)"


def is_large(data: Any) -> bool:
	"""Whether it is decompressed to more than a list decodes whole."""
	limit = limits.LIST_PAYLOAD_BYTES * 16
	return isinstance(data, bytes) and len(payload_head.beginning(data, limit + 1)) > limit


def head_parts(data: bytes, max_chars: int, redactor: Redactor) -> dict[str, Any]:
	"""As `call_parts`, of a large payload's beginning: its arguments are not all."""
	try:
		parts = call_parts(payload_head.cut(data), 2 * limits.HEAD_BYTES, max_chars, redactor)
	except payload.Undecodable as error:
		return {"problem": say("its large payload is shown in the job's own view only: {0}", *error.args)}
	if parts.get("arguments"):
		parts["arguments"] = parts["arguments"].rstrip("…")
	return parts


def read_meta(data: bytes | None, redactor: Redactor) -> tuple[str, float | None]:
	"""`job.meta` as redacted JSON text, and its progress in percent."""
	if not data or len(data) > limits.LIST_PAYLOAD_BYTES:
		return "", None
	try:
		meta = payload.loads(data)
	except payload.Undecodable as error:
		return json.dumps(f"cannot be decoded: {error}"), None
	progress = meta.get("progress") if isinstance(meta, dict) else None
	valid = isinstance(progress, (int, float)) and not isinstance(progress, bool) and 0 <= progress <= 100
	return as_json(redactor, meta, limits.LIST_TEXT_CHARS), float(
		progress
	) if valid and progress is not None else None


def exception_text(results: Any, exc_info: bytes | None, max_chars: int, redactor: Redactor) -> str:
	"""Traceback from the newest entry of the job's result stream, or from its hash (RQ with Redis < 5).

	Source: rq `results.py` (base64 of zlib of text), `job.py` (zlib of text).
	"""
	raw: bytes | None = None
	try:
		if isinstance(results, list) and results:
			encoded = dict(results[0][1]).get(b"exc_string")
			raw = payload.inflate(base64.b64decode(encoded)) if encoded else None
		if raw is None and exc_info:
			raw = payload.inflate(exc_info)
	except (payload.Undecodable, binascii.Error, ValueError) as error:
		return f"cannot be decoded: {error}"
	if not raw:
		return ""
	return redactor.clean_traceback(keys.text(raw), max_chars)


def last_change(values: Values | Exception) -> float:
	"""Unix time of a job's last change of status, from the values of `TIME_FIELDS`; 0 if none of them is a moment."""
	if isinstance(values, Exception):
		return 0.0
	times = [value for value in values if value]
	# Moments of one length are in the order of their letters: the last one is parsed only
	if len({len(value) for value in times}) == 1 and (moment := clock.parse(max(times))):
		return moment.timestamp()
	return max((moment.timestamp() for moment in map(clock.parse, times) if moment is not None), default=0.0)


def integer(value: bytes | None) -> int | None:
	try:
		return int(value) if value and len(value) <= limits.NUMBER_CHARS else None
	except ValueError:
		return None


def decimal(value: bytes | None) -> float:
	"""A number of 0 or more; 0 for anything else, infinity included."""
	try:
		number = float(value) if value and len(value) <= limits.NUMBER_CHARS else 0.0
	except ValueError:
		return 0.0
	return number if 0 < number < math.inf else 0.0


def clean(text: str) -> str:
	"""A name from a payload: one line, no lone surrogates, bounded."""
	text = cut(text.replace("\n", " "), limits.PATTERN_CHARS)
	return text if text.isascii() else text.encode("utf-8", "replace").decode()


def id_list(value: bytes | None) -> tuple[str, ...]:
	"""Job ids from RQ's JSON list."""
	try:
		ids = json.loads(value) if value else []
	except (ValueError, RecursionError):
		return ()
	return tuple(str(i) for i in ids[: limits.DEPENDENTS]) if isinstance(ids, list) else ()
