"""Reads rows of a list: the small fields of each job, then those parts of the shown columns that fit. And one job whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from job_monitor.core import limits
from job_monitor.core.errors import CouldNotAsk, JobNotFound
from job_monitor.core.rq import job_fields, keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.keys import JobRef
from job_monitor.core.rq.query import COLUMNS
from job_monitor.core.rq.records import Job
from job_monitor.core.wording import Number, say


def read_rows(client: RqClient, refs: Sequence[JobRef], columns: frozenset[str] = COLUMNS) -> list[Job]:
	"""List rows of these jobs. Two round trips, and one for each large payload that is read.

	Args:
		columns: See `JobQuery.columns`.

	Raises:
		CouldNotAsk: Redis gave no answer.
	"""
	commands: list[tuple[Any, ...]] = []
	for _, job_id in refs:
		key = keys.job_key(job_id)
		commands += [("HMGET", key, *job_fields.FIELDS), ("HSTRLEN", key, "data")]
	answers = client.ask(commands)
	fields, lengths = answers[::2], answers[1::2]
	parts = _parts(client, refs, fields, lengths, columns)
	return [
		job_fields.row(job_id, status, fields[n], client.redactor, columns, **parts[n])
		for n, (status, job_id) in enumerate(refs)
	]


def _parts(
	client: RqClient, refs: Sequence[JobRef], fields: list[Any], lengths: list[Any], columns: frozenset[str]
) -> list[dict[str, Any]]:
	"""What each row shows of the payload and, of failed jobs, of the newest result."""
	parts: list[dict[str, Any]] = [{} for _ in refs]
	commands: list[tuple[Any, ...]] = []
	slots: list[tuple[int, bool]] = []
	large: list[int] = []
	for n, (status, job_id) in enumerate(refs):
		if isinstance(lengths[n], Exception):
			continue
		if columns & {"call", "arguments"}:
			if lengths[n] > limits.LIST_PAYLOAD_BYTES:
				parts[n]["problem"] = say(
					"its payload ({0} bytes on Redis) is shown in the job's own view only", Number(lengths[n])
				)
				large.append(n)
			else:
				commands.append(("HGET", keys.job_key(job_id), "data"))
				slots.append((n, True))
		failed = status == keys.FAILED or fields[n][0] in (b"failed", b"stopped")
		if failed and "exception" in columns:
			commands.append(("XREVRANGE", keys.results_key(job_id), "+", "-", "COUNT", 1))
			slots.append((n, False))
	for (n, is_data), answer in zip(slots, client.ask(commands), strict=True):
		parts[n] |= _part(client, is_data, answer, "arguments" in columns)
	_add_large(client, [(refs[n][1], lengths[n], parts[n]) for n in large], "arguments" in columns)
	return parts


def _add_large(client: RqClient, large: Sequence[tuple[str, int, dict[str, Any]]], arguments: bool) -> None:
	"""Adds what the beginnings of large payloads show: one after the other, up to `LARGE_PAYLOADS_BYTES` together."""
	left = limits.LARGE_PAYLOADS_BYTES
	for job_id, length, part in large:
		if length <= left:
			left -= length
			data = client.ask([("HGET", keys.job_key(job_id), "data")])[0]
			del part["problem"]
			part |= _part(client, True, data, arguments)


def _part(client: RqClient, is_data: bool, answer: Any, arguments: bool) -> dict[str, Any]:
	if is_data:
		chars = limits.LIST_TEXT_CHARS if arguments else 0
		return job_fields.list_parts(answer, chars, client.redactor)
	return {"exception": job_fields.exception_text(answer, None, limits.LIST_TEXT_CHARS, client.redactor)}


def read_job(client: RqClient, job_id: str) -> Job:
	"""One job in full. Two round trips.

	Raises:
		JobNotFound: Redis does not know the id.
		CouldNotAsk: Redis gave no answer.
	"""
	job_id = keys.askable(job_id)
	key = keys.job_key(job_id)
	values, ttl, dependents, results = client.ask(
		[
			("HMGET", key, *job_fields.FIELDS, "exc_info", "dependency_ids"),
			("TTL", key),
			("SMEMBERS", keys.dependents_key(job_id)),
			("XREVRANGE", keys.results_key(job_id), "+", "-", "COUNT", 1),
		]
	)
	if isinstance(values, Exception):
		if "WRONGTYPE" not in str(values):
			raise CouldNotAsk(f"{key}: {values}")
		return job_fields.row(job_id, "", values, client.redactor, COLUMNS)
	if ttl == -2 or all(value is None for value in values):
		raise JobNotFound(job_id[: limits.PATTERN_CHARS])
	data = client.ask([("HGET", key, "data")])[0]
	parts = job_fields.call_parts(data, limits.PAYLOAD_BYTES, limits.TEXT_CHARS, client.redactor)
	parts["exception"] = job_fields.exception_text(results, values[-2], limits.TEXT_CHARS, client.redactor)
	parts["ttl"] = ttl if ttl >= 0 else None
	parts["dependencies"] = job_fields.id_list(values[-1])
	parts["dependents"] = _names(dependents)
	return job_fields.row(job_id, "", values[: len(job_fields.FIELDS)], client.redactor, COLUMNS, **parts)


def _names(members: Any) -> tuple[str, ...]:
	names = sorted(map(keys.text, members)) if isinstance(members, (list, set)) else []
	return tuple(names[: limits.DEPENDENTS])
