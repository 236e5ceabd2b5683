"""Decides which jobs match a query, asking Redis only for what it needs to see.

The job's id decides by itself for site and id; its hash for moments and stopped jobs; its payload for method, user
and text. A large payload shows method and user at its beginning; a text is looked for in the whole of it, one
after the other, up to `limits.LARGE_PAYLOADS_BYTES`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.pickles import payload_head
from job_monitor.core.pickles.payload import Undecodable
from job_monitor.core.rq import job_fields, keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.places import Entry
from job_monitor.core.rq.query import JobQuery

_TRACEBACKS = 200
"""Tracebacks read in one round trip."""


class Matcher:
	"""Judges entries, see `first`.

	Attributes:
		is_selective: Whether few of the jobs that are looked at may match.
		unread: Jobs looked at so far whose payload was too large to be judged.
	"""

	def __init__(self, client: RqClient, query: JobQuery) -> None:
		self.client = client
		self.query = query
		self.needs_payload = bool(query.method or query.user or query.text)
		self.payloads = Payloads(client, query)
		# Stopped jobs stand in the failed registry
		self.only_stopped = "stopped" in query.statuses and keys.FAILED not in query.statuses
		self.never_stopped = keys.FAILED in query.statuses and "stopped" not in query.statuses
		rare = self.only_stopped or bool(query.created_after or query.created_before)
		self.needs_hash = rare or self.never_stopped
		self.is_selective = rare or self.needs_payload
		self.unread = 0

	def first(self, entries: Sequence[Entry], room: int) -> tuple[list[Entry], int]:
		"""The first `room` matches, and how many entries were looked at for them."""
		candidates = list(entries)
		unread: set[Entry] = set()
		if self.needs_hash:
			candidates = self._by_hash(candidates)
		if self.needs_payload:
			judged = self.payloads.judge(candidates)
			unread = {entry for entry, fits in zip(candidates, judged, strict=True) if fits is None}
			candidates = [entry for entry, fits in zip(candidates, judged, strict=True) if fits]
		looked = len(entries) if len(candidates) < room else entries.index(candidates[room - 1]) + 1
		self.unread += len(unread.intersection(entries[:looked])) if unread else 0
		return candidates[:room], looked

	def by_id(self, job_id: str) -> bool:
		if self.query.site and keys.site_of(job_id) != self.query.site:
			return False
		return not self.query.job_id or self.query.job_id.lower() in job_id.lower()

	def _by_hash(self, entries: Sequence[Entry]) -> list[Entry]:
		answers = self.client.ask(("HMGET", keys.job_key(e.job_id), "status", "created_at") for e in entries)
		return [
			entry
			for entry, answer in zip(entries, answers, strict=True)
			if not isinstance(answer, Exception) and self._hash_fits(entry.place[0], *answer)
		]

	def _hash_fits(self, place: str, status: bytes | None, created: bytes | None) -> bool:
		excluded = self.never_stopped if status == b"stopped" else self.only_stopped
		if place == keys.FAILED and excluded:
			return False
		after, before = self.query.created_after, self.query.created_before
		if not (after or before):
			return True
		moment = clock.parse(created)
		return moment is not None and not (after and moment < after) and not (before and moment > before)


class Payloads:
	"""Judges jobs by method, user, arguments and traceback."""

	def __init__(self, client: RqClient, query: JobQuery) -> None:
		self.client = client
		self.method, self.user, self.text = query.method.lower(), query.user.lower(), query.text.lower()
		self.raw_text, self.raw_method = _raw_needle(self.text), _raw_needle(self.method)

	def judge(self, entries: Sequence[Entry]) -> list[bool | None]:
		"""Whether each job matches; None where its payload is too large to be judged."""
		lengths = self.client.ask(("HSTRLEN", keys.job_key(e.job_id), "data") for e in entries)
		small = [isinstance(n, int) and n <= limits.LIST_PAYLOAD_BYTES for n in lengths]
		fetched = [entry for entry, fits in zip(entries, small, strict=True) if fits]
		payloads = iter(self.client.ask(("HGET", keys.job_key(e.job_id), "data") for e in fetched))
		data = [next(payloads) if fits else None for fits in small]
		matched = [self._fits(e.job_id, d) for e, d in zip(entries, data, strict=True)]
		for n, length in enumerate(lengths):
			if not small[n] and isinstance(length, int):
				matched[n], data[n] = self._large(entries[n].job_id, length)
		if self.text:
			self._add_by_traceback(entries, data, matched)
		return matched

	def _large(self, job_id: str, length: int) -> tuple[bool | None, bytes | None]:
		"""As `_fits`, of a payload that is fetched by itself; with its beginning, which is all that is kept of it."""
		if length > limits.PAYLOAD_BYTES:
			return None, None
		data = self.client.ask([("HGET", keys.job_key(job_id), "data")])[0]
		fits = self._fits(job_id, data)
		try:
			return fits, payload_head.cut(data) if isinstance(data, bytes) else None
		except Undecodable:
			return fits, None

	def _fits(self, job_id: str, data: Any) -> bool | None:
		text = "" if self.text in job_id.lower() else self.text
		if not (self.method or self.user or text):
			return True
		needles = [needle for needle in (self.raw_method, self.raw_text if text else b"") if needle]
		if needles and isinstance(data, bytes):
			raw = payload_head.beginning(data, _INFLATED + 1).lower()
			if len(raw) <= _INFLATED and not all(needle in raw for needle in needles):
				return False
		parts = job_fields.call_parts(data, _INFLATED, limits.TEXT_CHARS if text else 0, self.client.redactor)
		if "problem" in parts and job_fields.is_large(data):
			return self._large_fits(data, text)
		return self._shown_fits(parts, text)

	def _large_fits(self, data: bytes, text: str) -> bool | None:
		head = job_fields.head_parts(data, limits.TEXT_CHARS if text else 0, self.client.redactor)
		if "method" not in head:
			return None
		if not self._shown_fits(head, ""):
			return False
		if self._shown_fits(head, text):
			return True
		raw = payload_head.beginning(data, limits.LARGE_PAYLOADS_BYTES + 1)
		if len(raw) > limits.LARGE_PAYLOADS_BYTES:
			return None
		if self.raw_text not in raw.lower():
			return False
		whole = job_fields.call_parts(data, len(raw), limits.TEXT_CHARS, self.client.redactor)
		return None if "problem" in whole else self._shown_fits(whole, text)

	def _shown_fits(self, parts: dict[str, Any], text: str) -> bool:
		"""Whether method and user are those asked for, and `text` stands in the method or the arguments."""
		shown = {name: parts.get(name, "").lower() for name in ("method", "user", "arguments")}
		if self.method not in shown["method"] or self.user not in shown["user"]:
			return False
		return text in shown["method"] or text in shown["arguments"]

	def _add_by_traceback(
		self, entries: Sequence[Entry], data: Sequence[Any], matched: list[bool | None]
	) -> None:
		"""Failed jobs whose payload does not hold the text, but whose traceback does."""
		unmatched = [n for n, found in enumerate(matched) if not found and entries[n].place[0] == keys.FAILED]
		for start in range(0, len(unmatched), _TRACEBACKS):
			part = unmatched[start : start + _TRACEBACKS]
			answers = self.client.ask(
				("XREVRANGE", keys.results_key(entries[n].job_id), "+", "-", "COUNT", 1) for n in part
			)
			for n, answer in zip(part, answers, strict=True):
				text = job_fields.exception_text(answer, None, limits.TEXT_CHARS, self.client.redactor)
				if self.text in text.lower() and self._names_fit(data[n]):
					matched[n] = True

	def _names_fit(self, data: Any) -> bool:
		if not (self.method or self.user):
			return True
		return self._shown_fits(job_fields.list_parts(data, 0, self.client.redactor), "")


_INFLATED = limits.LIST_PAYLOAD_BYTES * 16

_TOKEN = re.compile("[a-z0-9_-]{3,}")
_ESCAPE = re.compile("[bfnrtu]?[0-9a-f]{0,4}")
"""Of a control character in JSON, what follows its backslash."""

_NO_NUMBER = re.compile("[g-z_]").search
"""What no number, date or UUID shows: these are put together while showing."""

_ZONE = re.compile("[utc]{0,3}-?[0-9]*")

_MADE = "true false null -infinity nan bytes integer of bits items state args elements utc days builtins"
"""Words that showing puts in."""


def _raw_needle(text: str) -> bytes:
	"""What a payload must contain, byte for byte, for `text` to be found in what is shown of it; empty if unknown.

	The longest row of letters, digits, "_" and "-": such a row comes whole from one text of the payload, unless showing
	puts it in (numbers, `true`, names of types), or it is the rest of a control character's escape.
	"""
	rows = []
	for row in _TOKEN.finditer(text):
		is_whole = row.start() > 0 and text[row.start() - 1] != "\\"
		rows.append(row[0] if is_whole else _ESCAPE.sub("", row[0], count=1))
	rows = [row for row in rows if len(row) > 2 and _NO_NUMBER(row) and not _ZONE.fullmatch(row)]
	rows = [row for row in rows if not any(row in word for word in _MADE.split())]
	return max(rows, key=len, default="").encode()
