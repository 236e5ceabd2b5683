"""A run of a job, and its form on Redis: half of its JSON, as a bench may keep hundreds of thousands of them.

A version, the numbers, the lengths of the texts, the texts. The job's id comes first, so that it is read alone.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import orjson

from job_monitor.core.keys import SITE_SEPARATORS

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


_VERSION = b"\x01"
_HEAD = struct.Struct("<5HdddddqBB")
"""Lengths of the texts; started_at, ended_at, wait, duration, cpu; memory; attempts, outcome."""

_FIRST, _ENDED_AT = struct.Struct("<H"), struct.Struct("<d")
_ENDED_AT_OFFSET = struct.calcsize("<5Hd")

_HEX = 0x8000
"""Set in the length of a text of 32 hexadecimal digits, as RQ names workers: it is kept as 16 bytes."""

_OUTCOMES = ("", *OUTCOMES)

_ANY, _OWN, _OWN_UUID = range(3)
"""What follows in a packed id: all of it, what follows the own site, or the 16 bytes of a UUID that does. The last two
times 2, with the separator's number."""


def pack(run: Run, site: str) -> bytes:
	"""
	Args:
		site: Whose run it is: its name is left out of the job's id.
	"""
	texts = [_packed(text) for text in (run.method, run.queue, run.user, run.worker)]
	texts.insert(0, _packed_id(run.job_id, site))
	head = _HEAD.pack(
		*(length for length, _ in texts),
		run.started_at,
		run.ended_at,
		*(math.nan if number is None else number for number in (run.wait, run.duration, run.cpu)),
		-1 if run.memory is None else run.memory,
		min(run.attempts, 255),
		_OUTCOMES.index(run.outcome),
	)
	return b"".join([_VERSION, head, *(raw for _, raw in texts)])


def unpack(raw: bytes, site: str) -> Run | None:
	"""A run, None for what is none (of another release of this app, say)."""
	try:
		if raw[:1] == b"{":  # of releases before
			return Run(**orjson.loads(raw))
		return _unpacked(raw, site) if raw[:1] == _VERSION else None
	except (ValueError, TypeError, LookupError, struct.error):
		return None


def _unpacked(raw: bytes, site: str) -> Run:
	*lengths, started_at, ended_at, wait, duration, cpu, memory, attempts, outcome = _HEAD.unpack_from(raw, 1)
	at = 1 + _HEAD.size
	job_id, at = _id(raw, at, lengths[0], site), at + lengths[0]
	texts = []
	for length in lengths[1:]:
		texts.append(_text(raw, at, length))
		at += length & ~_HEX
	known = [None if math.isnan(number) else number for number in (wait, duration, cpu)]
	return Run(
		job_id,
		*(texts[0], texts[1], started_at, texts[2], texts[3]),
		*(known[0], ended_at, _OUTCOMES[outcome], known[1], known[2]),
		None if memory < 0 else memory,
		attempts,
	)


def end_of(raw: bytes, site: str) -> tuple[str, float]:
	"""The job's id and when its run ended, of a packed run; a quarter of the time of `unpack`."""
	if raw[:1] != _VERSION or len(raw) <= _HEAD.size:
		run = unpack(raw, site)
		return (run.job_id, run.ended_at) if run else ("", 0.0)
	(length,), (ended_at,) = _FIRST.unpack_from(raw, 1), _ENDED_AT.unpack_from(raw, 1 + _ENDED_AT_OFFSET)
	return _id(raw, 1 + _HEAD.size, length, site), ended_at


def _packed(text: str) -> tuple[int, bytes]:
	if len(text) == 32:
		try:
			digits = bytes.fromhex(text)
		except ValueError:
			digits = b""
		if digits.hex() == text:
			return len(digits) | _HEX, digits
	return _plain(text)


def _text(raw: bytes, at: int, length: int) -> str:
	if length & _HEX:
		return raw[at : at + (length & ~_HEX)].hex()
	return raw[at : at + length].decode("utf-8", "replace")


def _packed_id(job_id: str, site: str) -> tuple[int, bytes]:
	for number, separator in enumerate(SITE_SEPARATORS):
		if job_id.startswith(site + separator):
			rest = job_id[len(site) + len(separator) :]
			digits = _packed(rest.replace("-", ""))[1] if len(rest) == 36 else b""
			if _uuid(digits) == rest:
				return 17, bytes([2 * _OWN_UUID + number]) + digits
			length, raw = _plain(rest)
			return 1 + length, bytes([2 * _OWN + number]) + raw
	length, raw = _plain(job_id)
	return 1 + length, bytes([_ANY]) + raw


def _id(raw: bytes, at: int, length: int, site: str) -> str:
	kind, rest = raw[at : at + 1], raw[at + 1 : at + length]
	what, number = divmod(kind[0] if kind else _ANY, 2)
	if what == _ANY:
		return rest.decode("utf-8", "replace")
	own = _uuid(rest) if what == _OWN_UUID else rest.decode("utf-8", "replace")
	return site + SITE_SEPARATORS[number] + own


def _uuid(digits: bytes) -> str:
	text = digits.hex()
	return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _plain(text: str) -> tuple[int, bytes]:
	raw = text.encode("utf-8", "replace")[: _HEX - 2]
	return len(raw), raw
