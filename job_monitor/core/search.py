"""Time-boxed search: RQ has no index, so jobs are looked at one by one, newest first, until the time is up.

Cost per 1,000 jobs: one round trip where the id decides (site, job id), two more where the hash does
(created, status), and payloads, of at most `limits.LIST_PAYLOAD_BYTES`, only where they do (method, user, text).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from job_monitor.core import clock, hydrate, keys, limits, payload
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.query import JobQuery
from job_monitor.core.records import SearchResult
from job_monitor.core.store import Place, Store

_SMALLEST_CHUNK = 50


def search(
	store: Store, query: JobQuery, seconds: float = limits.SEARCH_SECONDS, cursor: str = ""
) -> SearchResult:
	"""Look for jobs that match, for about `seconds`, at most until `query.limit` are found.

	Rows come newest first as far as this call looked. `query.offset` is not used: pass the cursor on.
	A job that changes its place meanwhile may be looked at twice or not at all.

	Args:
		seconds: Time budget, up to `limits.SEARCH_MAX_SECONDS`.
		cursor: Of the result before, with the same query.

	Raises:
		InvalidQuery: Bad cursor or budget, unknown queue.
		CouldNotAsk: Redis gave no answer.
	"""
	if not 0 < seconds <= limits.SEARCH_MAX_SECONDS:
		raise InvalidQuery(f"a search may take from 0 to {limits.SEARCH_MAX_SECONDS:.0f} seconds")
	return _Scan(store, query, seconds, _Position.read(cursor)).run()


@dataclass(frozen=True)
class _Position:
	"""How far a scan came: the place, the entries of it that are done, the last of them, jobs looked at in all."""

	place: tuple[str, ...] = ()
	done: int = 0
	last: str = ""
	looked_at: int = 0

	@classmethod
	def read(cls, cursor: str) -> _Position:
		if not cursor:
			return cls()
		try:
			status, queue, done, last, looked_at = json.loads(
				base64.urlsafe_b64decode(cursor.encode("ascii"))
			)
			valid = status in keys.PLACES and isinstance(queue, str) and isinstance(last, str)
			if not valid or not 0 <= int(done) or not 0 <= int(looked_at):
				raise ValueError
		except (ValueError, TypeError, binascii.Error):
			raise InvalidQuery("the cursor is not one of this search") from None
		return cls((status, queue), int(done), last, int(looked_at))

	def write(self) -> str:
		packed = json.dumps([*self.place, self.done, self.last, self.looked_at])
		return base64.urlsafe_b64encode(packed.encode()).decode("ascii")


class _Scan:
	def __init__(self, store: Store, query: JobQuery, seconds: float, start: _Position) -> None:
		self.store = store
		self.query = query
		self.start = start
		self.started = time.monotonic()
		self.seconds = seconds
		self.looked_at = 0
		self.found: dict[Place, None] = {}
		self.match = _Matcher(store, query)

	def run(self) -> SearchResult:
		places = [(status, q) for q in self.store.resolve(self.query.queues) for status in self.query.places]
		sizes, _ = self.store.sizes(places)
		first = places.index(self.start.place) if self.start.place in places else 0
		left = sum(sizes.get(place, 0) for place in places[first:])
		done = self._resume_at(places[first], sizes.get(places[first], 0)) if places else 0
		left -= done
		cursor = ""
		for place in places[first:]:
			stop = self._scan_place(place, sizes.get(place, 0), done)
			done = 0
			if stop is not None:
				cursor = stop.write()
				break
		looked_at = self.start.looked_at + self.looked_at
		rows = self.store.rows(list(self.found))
		rows.sort(key=lambda job: _moment(job.ended_at or job.started_at or job.enqueued_at), reverse=True)
		out_of = self.start.looked_at + max(left, self.looked_at)
		return SearchResult(tuple(rows), looked_at, out_of, cursor)

	def _resume_at(self, place: Place, size: int) -> int:
		"""Entries to skip: found anew by the last entry, for the place may have moved since."""
		if not self.start.last:
			return min(self.start.done, size)
		key = keys.place_key(*place)
		command = ("LPOS", key, self.start.last, "RANK", -1) if place[0] == keys.QUEUED else None
		rank = self.store.ask([command or ("ZREVRANK", key, self.start.last)])[0]
		if not isinstance(rank, int):
			return min(self.start.done, size)
		return size - rank if place[0] == keys.QUEUED else rank + 1

	def _scan_place(self, place: Place, size: int, done: int) -> _Position | None:
		"""Scan one place. Returns where to go on if the time or the limit was reached, None at its end."""
		while done < size:
			chunk = self._chunk_size()
			answer = self.store.ask([self.store.window_command(place, size, done, chunk, True)])[0]
			if isinstance(answer, Exception) or not answer:
				return None
			ids = self.store.ids_of(place, answer, True)
			room = self.query.limit - len(self.found)
			matched, looked = self.match.first(ids, room)
			self.found.update(dict.fromkeys(matched))
			self.looked_at += looked
			done += looked
			if done < size and (len(self.found) >= self.query.limit or self._over()):
				entry = answer[-looked] if place[0] == keys.QUEUED else answer[looked - 1]
				return _Position(place, done, keys.text(entry), self.start.looked_at + self.looked_at)
		if len(self.found) >= self.query.limit:
			return self._after(place)
		return None

	def _after(self, place: Place) -> _Position | None:
		return _Position(place, limits.OFFSET_ROWS, "", self.start.looked_at + self.looked_at)

	def _over(self) -> bool:
		return time.monotonic() - self.started >= self.seconds

	def _chunk_size(self) -> int:
		"""As many jobs as the time left allows at the speed seen so far, so that the budget is kept."""
		spent = time.monotonic() - self.started
		if not self.looked_at:
			return _SMALLEST_CHUNK * 4
		fits = int(self.looked_at / spent * (self.seconds - spent))
		return max(_SMALLEST_CHUNK, min(limits.CHUNK_ROWS, fits))


class _Matcher:
	"""Decides which jobs of a chunk match, asking Redis only for what the query needs."""

	def __init__(self, store: Store, query: JobQuery) -> None:
		self.store = store
		self.query = query
		self.text = query.text.lower()
		self.raw = _raw_needle(self.text) or _raw_needle(query.method.lower())
		self.needs_payload = bool(query.method or query.user or query.text)
		self.only_stopped = "stopped" in query.statuses and keys.FAILED not in query.statuses
		self.needs_hash = self.only_stopped or bool(query.created_after or query.created_before)

	def first(self, ids: Sequence[Place], room: int) -> tuple[list[Place], int]:
		"""The first `room` matches, and how many ids were looked at for them."""
		candidates = [place for place in ids if self._by_id(place[1])]
		if self.needs_hash:
			candidates = self._by_hash(candidates)
		if self.needs_payload:
			candidates = self._by_payload(candidates)
		if len(candidates) < room:
			return candidates, len(ids)
		return candidates[:room], ids.index(candidates[room - 1]) + 1

	def _by_id(self, job_id: str) -> bool:
		if self.query.site and keys.split_job_id(job_id)[0] != self.query.site:
			return False
		return not self.query.job_id or self.query.job_id.lower() in job_id.lower()

	def _by_hash(self, ids: Sequence[Place]) -> list[Place]:
		answers = self.store.ask(("HMGET", keys.job_key(i), "status", "created_at") for _, i in ids)
		return [
			p
			for p, a in zip(ids, answers, strict=True)
			if not isinstance(a, Exception) and self._hash_fits(p[0], *a)
		]

	def _hash_fits(self, place: str, status: bytes | None, created: bytes | None) -> bool:
		if self.only_stopped and place == keys.FAILED and status != b"stopped":
			return False
		after, before = self.query.created_after, self.query.created_before
		if not (after or before):
			return True
		moment = clock.parse(created)
		return moment is not None and not (after and moment < after) and not (before and moment > before)

	def _by_payload(self, ids: Sequence[Place]) -> list[Place]:
		lengths = self.store.ask(("HSTRLEN", keys.job_key(i), "data") for _, i in ids)
		small = [isinstance(n, int) and n <= limits.LIST_PAYLOAD_BYTES for n in lengths]
		payloads = iter(
			self.store.ask(
				("HGET", keys.job_key(i), "data") for (_, i), ok in zip(ids, small, strict=True) if ok
			)
		)
		matched = [
			self._payload_fits(p[1], next(payloads) if ok else None) for p, ok in zip(ids, small, strict=True)
		]
		return self._by_traceback(ids, matched)

	def _payload_fits(self, job_id: str, data: Any) -> bool:
		query = self.query
		max_chars = limits.TEXT_CHARS if self.text else 0
		parts: dict[str, str] = {}
		in_id = bool(self.text) and self.text in job_id.lower()
		if self.raw and not in_id and isinstance(data, bytes) and not self._may_hold(data):
			return False
		if isinstance(data, bytes):
			parts = hydrate.call_parts(data, limits.LIST_PAYLOAD_BYTES * 16, max_chars, self.store.redactor)
		if query.method and query.method.lower() not in parts.get("method", "").lower():
			return False
		if query.user and query.user.lower() not in parts.get("user", "").lower():
			return False
		if in_id or not self.text:
			return True
		return any(self.text in parts.get(name, "").lower() for name in ("method", "arguments"))

	def _may_hold(self, data: bytes) -> bool:
		try:
			return self.raw in payload.inflate(data, limits.LIST_PAYLOAD_BYTES * 16).lower()
		except payload.Undecodable:
			return False

	def _by_traceback(self, ids: Sequence[Place], matched: list[bool]) -> list[Place]:
		"""Of failed jobs whose payload holds no match, those whose traceback does. Method and user must match too."""
		if not self.text or self.query.method or self.query.user:
			return [p for p, ok in zip(ids, matched, strict=True) if ok]
		open_ = [
			n
			for n, (place, ok) in enumerate(zip(ids, matched, strict=True))
			if place[0] == keys.FAILED and not ok
		]
		for start in range(0, len(open_), _SMALLEST_CHUNK * 4):
			part = open_[start : start + _SMALLEST_CHUNK * 4]
			answers = self.store.ask(
				("XREVRANGE", keys.results_key(ids[n][1]), "+", "-", "COUNT", 1) for n in part
			)
			for n, answer in zip(part, answers, strict=True):
				text = hydrate.exception_text(answer, None, limits.TEXT_CHARS, self.store.redactor)
				matched[n] = self.text in text.lower()
		return [p for p, ok in zip(ids, matched, strict=True) if ok]


def _raw_needle(text: str) -> bytes:
	"""What a payload must contain, byte for byte, for `text` to be found in what is shown of it; empty if unknown.

	Only words qualify: digits, quotes and the like stand differently in a pickle, and so does what is put in
	while showing (`true`, the mask, the names of types).
	"""
	words = max(text.split("."), key=len)
	made = any(
		words in shown
		for shown in ("truefalsenull", "infinitynan", "bytes", "integer of bits", "items state args")
	)
	return b"" if made or not re.fullmatch("[a-z_]{3,}", words) else words.encode()


def _moment(value: Any) -> float:
	return value.timestamp() if value else 0.0
