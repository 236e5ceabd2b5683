"""Lists and registries: how many jobs stand in one, which at a window of it, and reading on from one end.

A `Place` is a status and a queue.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from job_monitor.core import clock, limits
from job_monitor.core.rq import job_fields, keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.cursor import Pooled
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.query import JobQuery

ODD_NAME = "its name is no UTF-8, so that it cannot be asked for"
"""Why a queue has no counts."""

_SMALLEST_BLOCK = 4
_SAMPLES = 2
_USUAL_TTL = {keys.FAILED: 7 * 86400, "finished": 600, "canceled": 0}
"""Frappe's, for a registry whose newest jobs have no data left to learn it from. RQ scores canceled jobs by their end."""


def of_query(client: RqClient, query: JobQuery) -> list[Place]:
	"""The places of a query's queues and statuses. One round trip.

	Raises:
		InvalidQuery: Unknown queue.
	"""
	return [(status, queue) for queue in client.resolve(query.queues) for status in query.places]


def size_command(place: Place, now: datetime) -> tuple[Any, ...]:
	"""The command that counts a place. Expired entries are not counted."""
	status, key = place[0], keys.place_key(*place)
	if status == keys.QUEUED:
		return ("LLEN", key)
	if status in keys.EXPIRING:
		return ("ZCOUNT", key, f"({now.timestamp()}", "+inf")
	return ("ZCARD", key)


def read_sizes(client: RqClient, places: Sequence[Place]) -> tuple[dict[Place, int], str]:
	"""How many jobs stand in each place, and a note about those that could not be read. One round trip."""
	now = clock.now()
	odd = {f"{queue}: {ODD_NAME}" for _, queue in places if not keys.is_askable(queue)}
	places = [place for place in places if keys.is_askable(place[1])]
	answers = client.ask(size_command(place, now) for place in places)
	failed = sorted(odd) + [
		f"{s} of {q}: {a}" for (s, q), a in zip(places, answers, strict=True) if isinstance(a, Exception)
	]
	sizes = {place: a for place, a in zip(places, answers, strict=True) if not isinstance(a, Exception)}
	return sizes, f"not readable: {'; '.join(failed[:3])}" if failed else ""


def window_command(place: Place, size: int, offset: int, limit: int, newest: bool) -> tuple[Any, ...]:
	"""The command for a window that begins inside the place.

	`size` leaves out expired entries, which stand at a registry's low end.
	"""
	status, key = place[0], keys.place_key(*place)
	last = min(size, offset + limit) - 1
	if status == keys.QUEUED:
		return ("LRANGE", key, -last - 1, -offset - 1) if newest else ("LRANGE", key, offset, last)
	if newest:
		return ("ZREVRANGE", key, offset, last)
	return ("ZRANGE", key, offset - size, last - size)


def window_ids(place: Place, answer: Any, newest: bool) -> list[str]:
	"""Job ids of the answer to a `window_command`, in the order of reading; none of an exception."""
	if isinstance(answer, Exception):
		return []
	if place[0] == keys.STARTED:
		return [keys.job_id_of(keys.text(entry), keys.STARTED) for entry in answer]
	ids = [keys.text(entry) for entry in answer]
	return ids[::-1] if newest and place[0] == keys.QUEUED else ids


def read_window(
	client: RqClient, place: Place, size: int, offset: int, limit: int, newest: bool = True
) -> list[str]:
	"""Job ids at a window of one place, from its newest or oldest end. One round trip."""
	if offset >= size:
		return []
	answer = client.ask([window_command(place, size, offset, limit, newest)])[0]
	return window_ids(place, answer, newest)


class Entry(NamedTuple):
	"""A job as a place holds it.

	Attributes:
		position: From 1 at the end where reading begins; in the pool, among what was left of it.
		score: Of a registry scored by time.
		ties: Entries of that very score before this one.
		pooled: What orders it in the pool.
	"""

	place: Place
	job_id: str
	position: int
	score: float = 0.0
	ties: int = 0
	pooled: Pooled | None = None


class PlaceReader:
	"""Reads one place from one end, in its own order and in blocks that grow as it is used up.

	Args:
		number: Decides between places whose next jobs are of one moment.
		block: Entries of the first block.

	Attributes:
		read: Entries read so far, those that were passed over among them.
		ahead: Entries read and not used yet.
		last: Of a registry scored by time: the score read last, and how many entries of that very score were read.
	"""

	def __init__(self, place: Place, size: int, number: int, newest: bool, block: int) -> None:
		self.place, self.size, self.number, self.newest = place, size, number, newest
		self.is_scored = place[0] in keys.SCORED
		self.read = self.ahead = 0
		self.last: tuple[float, int] | None = None
		self._block = min(max(_SMALLEST_BLOCK, block), limits.CHUNK_ROWS)
		self._ttl: float | None = None
		self._rank = -math.inf

	@property
	def is_dry(self) -> bool:
		"""Whether more must be read before the next entry of this place is known."""
		return not self.ahead and self.read < self.size

	def resume_after(self, count: int) -> None:
		"""Go on behind so many entries."""
		self.read = min(self.size, count)

	def resume_commands(self, score: float) -> list[tuple[Any, ...]]:
		"""The commands that count what `resume_at` must know. Expired entries are none of those read."""
		if self.newest:
			before = (f"({score}", "+inf")
		else:
			expired = self.place[0] in keys.EXPIRING
			before = (f"({clock.now().timestamp()}" if expired else "-inf", f"({score}")
		key = keys.place_key(*self.place)
		return [("ZCOUNT", key, *before), ("ZCOUNT", key, score, score)]

	def resume_at(self, score: float, ties: int, answers: Sequence[Any]) -> None:
		"""Go on at a score, behind so many entries of that very score."""
		before, same = (answer if isinstance(answer, int) else 0 for answer in answers)
		self.last = (score, min(ties, same))
		self.read = min(self.size, before + min(ties, same))

	def command(self) -> tuple[Any, ...]:
		"""The command that reads the next block."""
		command = window_command(self.place, self.size, self.read, self._block, self.newest)
		return (*command, "WITHSCORES") if self.is_scored else command

	def take(self, answer: Any, keep: Callable[[str], bool] | None) -> list[Entry]:
		"""The entries of a block that are kept. An answer without entries ends the place."""
		if self.is_scored:
			pairs = keys.scored(answer)
			entries, count = list(self._scored(pairs, keep)), len(pairs)
		else:
			ids = enumerate(window_ids(self.place, answer, self.newest), self.read + 1)
			entries = [Entry(self.place, i, position) for position, i in ids if keep is None or keep(i)]
			count = 0 if isinstance(answer, Exception) else len(answer)
		self.read = self.read + count if count else self.size
		self.ahead = len(entries)
		self._block = min(limits.CHUNK_ROWS, self._block * 2)
		return entries

	def _scored(
		self, pairs: Sequence[tuple[bytes, float]], keep: Callable[[str], bool] | None
	) -> Iterator[Entry]:
		last, ties = self.last or (math.nan, 0)
		for position, (member, score) in enumerate(pairs, self.read + 1):
			if score != last:
				last, ties = score, 0
			job_id = keys.text(member)
			if keep is None or keep(job_id):
				yield Entry(self.place, job_id, position, score, ties)
			ties += 1
		if pairs:
			self.last = (last, ties)

	def undated(self, entries: Sequence[Entry]) -> list[str]:
		"""Ids of the jobs whose own times must be read to order these entries.

		Scores by time order a registry once its TTL is known; the first few jobs of the registry show it.
		"""
		if not self.is_scored:
			return [entry.job_id for entry in entries]
		unknown = self._ttl is None and self.place[0] in keys.EXPIRING
		return [entry.job_id for entry in entries[:_SAMPLES]] if unknown else []

	def ranks(self, entries: Sequence[Entry], times: Sequence[Any]) -> Iterator[float]:
		"""What orders each entry among those of other places, by the answers for the `undated` jobs.

		A place keeps its own order: what is used of it are always its first entries.
		"""
		for moment in self._moments(entries, times):
			self._rank = max(self._rank, -moment if self.newest else moment)
			yield self._rank

	def _moments(self, entries: Sequence[Entry], times: Sequence[Any]) -> Iterator[float]:
		if not self.is_scored:
			yield from map(job_fields.last_change, times)
			return
		for entry, values in zip(entries, times, strict=False):
			ended = None if isinstance(values, Exception) else clock.parse(values[-1])
			if self._ttl is None and ended is not None and ended.timestamp() < entry.score < math.inf:
				self._ttl = round(entry.score - ended.timestamp())
		ttl = _USUAL_TTL[self.place[0]] if self._ttl is None else self._ttl
		yield from (entry.score - ttl for entry in entries)
