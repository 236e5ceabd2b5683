"""The form of a run on Redis: half of its JSON, as a bench may keep hundreds of thousands of runs.

A version, the lengths of the texts, the numbers, the texts. The job's id comes first, so that it is read alone.
"""

from __future__ import annotations

import struct
from math import isnan, nan
from typing import NamedTuple

import orjson

from job_monitor.core.history.run_records import OUTCOMES, Run
from job_monitor.core.rq.keys import SITE_SEPARATORS


class _Form(NamedTuple):
	"""A version of the form.

	Attributes:
		head: Lengths of the texts; started_at, ended_at, wait, duration, cpu; memory; attempts, outcome.
		hexadecimal: Set in the length of a text of 32 hexadecimal digits, as RQ names workers: it is kept as 16 bytes.
	"""

	version: bytes
	head: struct.Struct
	hexadecimal: int


_NARROW = _Form(b"\x02", struct.Struct("<5BdddddiBB"), 0x80)
_NARROW_MEMORY = 2**31 - 1
_WIDE = _Form(b"\x01", struct.Struct("<5HdddddqBB"), 0x8000)
"""For a run that does not fit in the narrow form. Earlier releases wrote all runs in it."""

_FORMS = {form.version[0]: form for form in (_NARROW, _WIDE)}

_ENDED_AT = 6
"""Its place in the head."""

_OUTCOMES = ("", *OUTCOMES)

_ANY, _OWN, _OWN_UUID = range(3)
"""What a packed id holds: the whole id, the part behind the own site, or the 16 bytes of a UUID that stands there. The
first byte is the last two times 2, plus the separator's number."""


def pack(run: Run, site: str) -> bytes:
	"""The packed form of a run.

	Args:
		site: The site of the run; its name is left out of the job's id.
	"""
	packed = [(_packed_id(run.job_id, site), False)]
	packed += map(_packed, (run.method, run.queue, run.user, run.worker))
	texts = [raw for raw, _ in packed]
	memory = -1 if run.memory is None else run.memory
	narrow = memory <= _NARROW_MEMORY and max(map(len, texts)) < _NARROW.hexadecimal
	version, head, hexadecimal = _NARROW if narrow else _WIDE
	numbers = head.pack(
		*(len(raw) | (hexadecimal if digits else 0) for raw, digits in packed),
		run.started_at,
		run.ended_at,
		*(nan if number is None else number for number in (run.wait, run.duration, run.cpu)),
		memory,
		min(run.attempts, 255),
		_OUTCOMES.index(run.outcome),
	)
	return b"".join([version, numbers, *texts])


def unpack(raw: bytes, site: str) -> Run | None:
	"""The run of a packed form; None for bytes that are no run (those of a later release, say)."""
	try:
		if raw[:1] == b"{":  # of earlier releases
			return Run(**orjson.loads(raw))
		return _unpacked(raw, site)
	except (ValueError, TypeError, LookupError, struct.error):
		return None


def _unpacked(raw: bytes, site: str) -> Run:
	_, head, hexadecimal = _FORMS[raw[0]]
	id_length, *lengths, started_at, ended_at, wait, duration, cpu, memory, attempts, outcome = (
		head.unpack_from(raw, 1)
	)
	at = 1 + head.size + id_length
	texts = []
	for length in lengths:
		if length < hexadecimal:
			texts.append(raw[at : at + length].decode("utf-8", "replace"))
		else:
			length -= hexadecimal
			texts.append(raw[at : at + length].hex())
		at += length
	method, queue, user, worker = texts
	return Run(
		_id(raw[1 + head.size : 1 + head.size + id_length], site),
		*(method, queue, started_at, user, worker),
		None if isnan(wait) else wait,
		*(ended_at, _OUTCOMES[outcome]),
		None if isnan(duration) else duration,
		None if isnan(cpu) else cpu,
		None if memory < 0 else memory,
		attempts,
	)


def end_of(raw: bytes, site: str) -> tuple[str, float]:
	"""The job's id and the end of a packed run, as a Unix time. Takes a third of the time of `unpack`."""
	form = _FORMS.get(raw[0]) if raw else None
	if form is None or len(raw) <= form.head.size:
		run = unpack(raw, site)
		return (run.job_id, run.ended_at) if run else ("", 0.0)
	numbers, at = form.head.unpack_from(raw, 1), 1 + form.head.size
	return _id(raw[at : at + numbers[0]], site), numbers[_ENDED_AT]


def _packed(text: str) -> tuple[bytes, bool]:
	"""Its bytes, and whether they are those of hexadecimal digits."""
	if len(text) == 32:
		try:
			digits = bytes.fromhex(text)
		except ValueError:
			digits = b""
		if digits.hex() == text:
			return digits, True
	return _plain(text), False


def _packed_id(job_id: str, site: str) -> bytes:
	for number, separator in enumerate(SITE_SEPARATORS):
		if job_id.startswith(site + separator):
			rest = job_id[len(site) + len(separator) :]
			digits = _packed(rest.replace("-", ""))[0] if len(rest) == 36 else b""
			if _uuid(digits) == rest:
				return bytes([2 * _OWN_UUID + number]) + digits
			return bytes([2 * _OWN + number]) + _plain(rest)
	return bytes([_ANY]) + _plain(job_id)


def _id(raw: bytes, site: str) -> str:
	kind, number = divmod(raw[0] if raw else _ANY, 2)
	if kind == _OWN_UUID:
		return site + SITE_SEPARATORS[number] + _uuid(raw[1:])
	rest = raw[1:].decode("utf-8", "replace")
	return rest if kind == _ANY else site + SITE_SEPARATORS[number] + rest


def _uuid(digits: bytes) -> str:
	text = digits.hex()
	return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _plain(text: str) -> bytes:
	return text.encode("utf-8", "replace")[: _WIDE.hexadecimal - 2]
