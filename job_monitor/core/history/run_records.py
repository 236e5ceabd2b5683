"""A run of a job, and its form on Redis: half of its JSON, as a bench may keep hundreds of thousands of them.

A version, the lengths of the texts, the numbers, the texts. The job's id comes first, so that it is read alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import isnan, nan
from typing import NamedTuple

import orjson

from job_monitor.core.rq.keys import SITE_SEPARATORS

SUCCESS = "success"
FAILED = "failed"
TIMEOUT = "timeout"
STOPPED = "stopped"
KILLED = "killed"
OUTCOMES = (SUCCESS, FAILED, TIMEOUT, STOPPED, KILLED)
BAD = (FAILED, TIMEOUT, KILLED)
"""Outcomes of a run that failed; what somebody stopped did not fail."""


@dataclass(frozen=True)
class Run:
	"""One run of a job.

	Attributes:
		started_at, ended_at: Unix times by the clock of the worker's host; ended_at 0 while it goes on.
		outcome: One of `OUTCOMES`, "" while it goes on.
		wait, duration, cpu: Seconds; None if unknown.
		memory: Peak of the process that ran it, in bytes; None if unknown.
		attempts: How often Frappe called the method, after deadlocks.
	"""

	job_id: str
	method: str
	queue: str
	started_at: float
	user: str = ""
	worker: str = ""
	wait: float | None = None
	ended_at: float = 0.0
	outcome: str = ""
	duration: float | None = None
	cpu: float | None = None
	memory: int | None = None
	attempts: int = 1

	@property
	def key(self) -> str:
		"""Tells two runs of the same job apart."""
		return f"{self.started_at:.6f} {self.job_id}"


class _Form(NamedTuple):
	"""
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
"""For a run that does not fit in the narrow one. Releases before wrote all runs so."""

_FORMS = {form.version[0]: form for form in (_NARROW, _WIDE)}

_ENDED_AT = 6
"""Its place in the head."""

_OUTCOMES = ("", *OUTCOMES)

_ANY, _OWN, _OWN_UUID = range(3)
"""What follows in a packed id: all of it, what follows the own site, or the 16 bytes of a UUID that does. The last two
times 2, with the separator's number."""


def pack(run: Run, site: str) -> bytes:
	"""
	Args:
		site: Whose run it is: its name is left out of the job's id.
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
	"""A run, None for what is none (of another release of this app, say)."""
	try:
		if raw[:1] == b"{":  # of releases before
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
	"""The job's id and when its run ended, of a packed run; a third of the time of `unpack`."""
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
	what, number = divmod(raw[0] if raw else _ANY, 2)
	if what == _OWN_UUID:
		return site + SITE_SEPARATORS[number] + _uuid(raw[1:])
	rest = raw[1:].decode("utf-8", "replace")
	return rest if what == _ANY else site + SITE_SEPARATORS[number] + rest


def _uuid(digits: bytes) -> str:
	text = digits.hex()
	return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _plain(text: str) -> bytes:
	return text.encode("utf-8", "replace")[: _WIDE.hexadecimal - 2]
