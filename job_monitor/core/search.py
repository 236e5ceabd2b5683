"""Time-boxed search: RQ has no index, so jobs are looked at one by one, in order, until the time is up.

Cost per 1,000 jobs: one round trip where the id decides (site, job id), two more where the hash does
(created, stopped), and payloads, of at most `limits.LIST_PAYLOAD_BYTES`, only where they do (method, user, text).
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from job_monitor.core import clock, hydrate, keys, limits, payload
from job_monitor.core import cursor as cursors
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.merge import Merge
from job_monitor.core.pool import Entry
from job_monitor.core.query import JobQuery
from job_monitor.core.records import SearchResult
from job_monitor.core.store import Store

_SMALLEST_CHUNK = 50


def search(
	store: Store, query: JobQuery, seconds: float = limits.SEARCH_SECONDS, cursor: str = ""
) -> SearchResult:
	"""Look for jobs that match, for about `seconds`, at most until `query.limit` after `query.offset` are found.

	Rows come in the order of `Store.page`, over all queues and statuses. With a cursor, the search goes on where it
	stopped; see `cursor` for what that means while jobs come and go.

	Args:
		seconds: Time budget, up to `limits.SEARCH_MAX_SECONDS`.
		cursor: Of the result before, with the same query. The offset then counts from there.

	Raises:
		InvalidQuery: Bad cursor or budget, unknown queue.
		CouldNotAsk: Redis gave no answer.
	"""
	scan = _Scan(store, query, seconds, cursor)
	found = scan.run(query.offset + query.limit)
	rows = store.rows([(entry.place[0], entry.job_id) for entry in found[query.offset :]], query.columns)
	return SearchResult(tuple(rows), scan.looked_at, scan.out_of, scan.cursor)


def count(store: Store, query: JobQuery, most: int, seconds: float = limits.SEARCH_SECONDS) -> SearchResult:
	"""How many jobs match, without reading them: `matched`, up to `most`. Exact if the result is `complete`.

	Raises:
		InvalidQuery: Bad budget, unknown queue.
		CouldNotAsk: Redis gave no answer.
	"""
	scan = _Scan(store, query, seconds, "", ordered=False)
	found = scan.run(most)
	return SearchResult((), scan.looked_at, scan.out_of, scan.cursor, matched=len(found))


class _Scan:
	def __init__(
		self, store: Store, query: JobQuery, seconds: float, cursor: str, ordered: bool = True
	) -> None:
		if not 0 < seconds <= limits.SEARCH_MAX_SECONDS:
			raise InvalidQuery(f"a search may take from 0 to {limits.SEARCH_MAX_SECONDS:.0f} seconds")
		self.started = time.monotonic()
		self.seconds = seconds
		self.query = query
		start = cursors.read(cursor, query) if cursor else None
		sizes, _ = store.sizes([(status, q) for q in store.resolve(query.queues) for status in query.places])
		self.match = _Matcher(store, query)
		keep = self.match.by_id if query.site or query.job_id else None
		filled = {place: size for place, size in sizes.items() if size}
		deadline = self.started + seconds
		self.merge = Merge(store, filled, query.newest_first, ordered, keep, start, deadline)
		self.out_of = sum(filled.values())
		self.looked_at = 0
		self.cursor = ""

	def run(self, most: int) -> list[Entry]:
		"""The first `most` matches, or those that the time allows."""
		found: dict[str, Entry] = {}
		unused: list[Entry] = []
		seen = 0
		while len(found) < most and not (seen and self._over()):
			size = self._chunk_size(seen)
			# Where most will match (`merge` has judged the ids already), take no more than are wanted
			chunk = self.merge.next(size if self.match.looks_far else min(size, most - len(found)))
			if not chunk:
				break
			matched, looked = self.match.first(chunk, most - len(found))
			# A job that runs anew under its old id still stands in the registry of its last end
			for entry in matched:
				found.setdefault(entry.job_id, entry)
			seen += looked
			unused = chunk[looked:]
		stopped, self.looked_at = self.merge.stop(unused)
		self.cursor = cursors.write(stopped, self.query) if self.looked_at < self.out_of else ""
		return list(found.values())

	def _over(self) -> bool:
		return self.merge.out_of_time or time.monotonic() - self.started >= self.seconds

	def _chunk_size(self, seen: int) -> int:
		"""As many jobs as the time left allows at the speed seen so far, so that the budget is kept."""
		spent = time.monotonic() - self.started
		if not seen:
			return _SMALLEST_CHUNK * 4
		return max(_SMALLEST_CHUNK, min(limits.CHUNK_ROWS, int(seen / spent * (self.seconds - spent))))


class _Matcher:
	"""Decides which jobs of a chunk match, asking Redis only for what the query needs."""

	def __init__(self, store: Store, query: JobQuery) -> None:
		self.store = store
		self.query = query
		self.text = query.text.lower()
		self.raw_text, self.raw_method = _raw_needle(self.text), _raw_needle(query.method.lower())
		self.needs_payload = bool(query.method or query.user or query.text)
		# Stopped jobs stand in the failed registry
		self.only_stopped = "stopped" in query.statuses and keys.FAILED not in query.statuses
		self.never_stopped = keys.FAILED in query.statuses and "stopped" not in query.statuses
		rare = self.only_stopped or bool(query.created_after or query.created_before)
		self.needs_hash = rare or self.never_stopped
		self.looks_far = rare or self.needs_payload

	def first(self, entries: Sequence[Entry], room: int) -> tuple[list[Entry], int]:
		"""The first `room` matches, and how many entries were looked at for them."""
		candidates = list(entries)
		if self.needs_hash:
			candidates = self._by_hash(candidates)
		if self.needs_payload:
			candidates = self._by_payload(candidates)
		if len(candidates) < room:
			return candidates, len(entries)
		return candidates[:room], entries.index(candidates[room - 1]) + 1

	def by_id(self, job_id: str) -> bool:
		if self.query.site and keys.split_job_id(job_id)[0] != self.query.site:
			return False
		return not self.query.job_id or self.query.job_id.lower() in job_id.lower()

	def _by_hash(self, entries: Sequence[Entry]) -> list[Entry]:
		answers = self.store.ask(("HMGET", keys.job_key(e.job_id), "status", "created_at") for e in entries)
		return [
			entry
			for entry, answer in zip(entries, answers, strict=True)
			if not isinstance(answer, Exception) and self._hash_fits(entry.place[0], *answer)
		]

	def _hash_fits(self, place: str, status: bytes | None, created: bytes | None) -> bool:
		unwanted = self.never_stopped if status == b"stopped" else self.only_stopped
		if place == keys.FAILED and unwanted:
			return False
		after, before = self.query.created_after, self.query.created_before
		if not (after or before):
			return True
		moment = clock.parse(created)
		return moment is not None and not (after and moment < after) and not (before and moment > before)

	def _by_payload(self, entries: Sequence[Entry]) -> list[Entry]:
		lengths = self.store.ask(("HSTRLEN", keys.job_key(e.job_id), "data") for e in entries)
		small = [isinstance(n, int) and n <= limits.LIST_PAYLOAD_BYTES for n in lengths]
		wanted = [entry for entry, fits in zip(entries, small, strict=True) if fits]
		payloads = iter(self.store.ask(("HGET", keys.job_key(e.job_id), "data") for e in wanted))
		data = [next(payloads) if fits else None for fits in small]
		matched = [self._payload_fits(e.job_id, d) for e, d in zip(entries, data, strict=True)]
		if self.text:
			self._add_by_traceback(entries, data, matched)
		return [entry for entry, found in zip(entries, matched, strict=True) if found]

	def _payload_fits(self, job_id: str, data: Any) -> bool:
		if self.text and self.text not in job_id.lower():
			return self._may_hold(self.raw_text, data) and self._names_fit(data, self.text)
		return self._names_fit(data)

	def _names_fit(self, data: Any, text: str = "") -> bool:
		"""Whether method and user are those asked for, and `text` stands in the method or the arguments."""
		method, user = self.query.method.lower(), self.query.user.lower()
		if not (method or user or text):
			return True
		if not self._may_hold(self.raw_method, data):
			return False
		max_chars = limits.TEXT_CHARS if text else 0
		parts = hydrate.call_parts(data, limits.LIST_PAYLOAD_BYTES * 16, max_chars, self.store.redactor)
		shown = {name: parts.get(name, "").lower() for name in ("method", "user", "arguments")}
		if method not in shown["method"] or user not in shown["user"]:
			return False
		return text in shown["method"] or text in shown["arguments"]

	def _may_hold(self, needle: bytes, data: Any) -> bool:
		if not needle or not isinstance(data, bytes):
			return not needle
		try:
			return needle in payload.inflate(data, limits.LIST_PAYLOAD_BYTES * 16).lower()
		except payload.Undecodable:
			return False

	def _add_by_traceback(self, entries: Sequence[Entry], data: Sequence[Any], matched: list[bool]) -> None:
		"""Failed jobs whose payload does not hold the text, but whose traceback does."""
		unmatched = [n for n, found in enumerate(matched) if not found and entries[n].place[0] == keys.FAILED]
		for start in range(0, len(unmatched), _SMALLEST_CHUNK * 4):
			part = unmatched[start : start + _SMALLEST_CHUNK * 4]
			answers = self.store.ask(
				("XREVRANGE", keys.results_key(entries[n].job_id), "+", "-", "COUNT", 1) for n in part
			)
			for n, answer in zip(part, answers, strict=True):
				text = hydrate.exception_text(answer, None, limits.TEXT_CHARS, self.store.redactor)
				matched[n] = self.text in text.lower() and self._names_fit(data[n])


_MADE = "truefalsenull infinitynan bytes integer of bits items state args elements utc days"
"""Words that showing puts in."""


def _raw_needle(text: str) -> bytes:
	"""What a payload must contain, byte for byte, for `text` to be found in what is shown of it; empty if unknown.

	Only words qualify: digits, quotes and the like stand differently in a pickle, and so does what is put in
	while showing (`true`, the mask, the names of types).
	"""
	words = max(text.split("."), key=len)
	made = any(words in shown for shown in _MADE.split())
	return b"" if made or not re.fullmatch("[a-z_]{3,}", words) else words.encode()
