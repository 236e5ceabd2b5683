"""Newest-first (or oldest-first) over many lists and registries at once, reading little more than what is shown."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from job_monitor.core import clock, hydrate, keys, limits

if TYPE_CHECKING:
	from job_monitor.core.store import Place, Store

Rank = tuple[float, int, int, "Place"]

_SMALLEST_BLOCK = 4
_SAMPLES = 2
_USUAL_TTL = {keys.FAILED: 7 * 86400, "finished": 600}
"""Frappe's, for a registry whose newest job has no data left to learn it from."""


class Merge:
	"""A k-way merge. Each place is read from one end in blocks that grow as it is used up.

	What a job is ordered by costs little to read: the entry's score less the registry's TTL where RQ scores by expiry
	(to the second; exact as long as a registry's jobs share one TTL, as Frappe's do), else the job's own times.
	Started, deferred, scheduled and canceled jobs stand in no useful order: up to `limits.CHUNK_ROWS` are sorted anew.
	"""

	def __init__(self, store: Store, sizes: dict[Place, int], newest: bool) -> None:
		self.store = store
		self.sizes = sizes
		self.newest = newest
		self.numbers = {place: number for number, place in enumerate(sizes)}
		self.places = list(sizes)
		self.read = dict.fromkeys(sizes, 0)
		self.ahead = dict.fromkeys(sizes, 0)
		self.ttl: dict[Place, float] = {}
		self.heap: list[Rank] = []

	def window(self, offset: int, limit: int) -> list[Place]:
		"""(status, job id) of the window."""
		needed = offset + limit
		taken: dict[str, Place] = {}
		block = max(_SMALLEST_BLOCK, 2 * needed // max(1, len(self.sizes)))
		self._fill(dict.fromkeys(self.sizes, block))
		while self.heap and len(taken) < needed:
			_, number, _, entry = heapq.heappop(self.heap)
			# A job that runs anew under its old id still stands in the registry of its last end
			taken.setdefault(entry[1], entry)
			place = self.places[number]
			self.ahead[place] -= 1
			if not self.ahead[place] and self.read[place] < self.sizes[place]:
				self._fill({place: min(max(self.read[place], block), needed - len(taken) + 1)})
		return list(taken.values())[offset:needed]

	def _fill(self, blocks: dict[Place, int]) -> None:
		"""Read the next block of each place. Two round trips."""
		blocks = {place: self._block(place, size) for place, size in blocks.items()}
		answers = self.store.ask([self._command(place, size) for place, size in blocks.items()])
		entries = [(p, e, s) for p, a in zip(blocks, answers, strict=True) for e, s in self._entries(p, a)]
		for place, size in blocks.items():
			self.read[place] += size
		for order, (moment, (place, entry, _)) in enumerate(
			zip(self._moments(entries), entries, strict=True)
		):
			rank = (-moment if self.newest else moment, self.numbers[place], self.read[place] + order, entry)
			heapq.heappush(self.heap, rank)
			self.ahead[place] += 1

	def _block(self, place: Place, size: int) -> int:
		unordered = place[0] != keys.QUEUED and place[0] not in keys.EXPIRING
		return limits.CHUNK_ROWS if unordered and not self.read[place] else size

	def _command(self, place: Place, size: int) -> tuple[Any, ...]:
		command = self.store.window_command(place, self.sizes[place], self.read[place], size, self.newest)
		return (*command, "WITHSCORES") if place[0] in keys.EXPIRING else command

	def _entries(self, place: Place, answer: Any) -> list[tuple[Place, float]]:
		"""Entries of an answer, with the score where one was asked for."""
		if isinstance(answer, Exception) or not answer:
			return []
		if place[0] not in keys.EXPIRING:
			return [(entry, 0.0) for entry in self.store.ids_of(place, answer, self.newest)]
		nested = isinstance(answer[0], (list, tuple))  # RESP3
		pairs = answer if nested else zip(answer[::2], answer[1::2], strict=True)
		return [((place[0], keys.text(entry)), float(score)) for entry, score in pairs]

	def _moments(self, entries: list[tuple[Place, Place, float]]) -> Iterator[float]:
		"""What each entry is ordered by, as Unix time. Asks only for jobs whose place does not tell it."""
		asked = [entry[1] for place, entry, _ in entries if place[0] not in keys.EXPIRING]
		samples = self._samples(entries)
		answers = self.store.ask(
			("HMGET", keys.job_key(i), *hydrate.TIME_FIELDS) for i in [*asked, *(i for _, i, _ in samples)]
		)
		for (place, _, score), values in zip(samples, answers[len(asked) :], strict=True):
			ended = None if isinstance(values, Exception) else clock.parse(values[-1])
			if ended is not None and score > ended.timestamp():
				self.ttl.setdefault(place, round(score - ended.timestamp()))
		times = iter(answers)
		for place, _, score in entries:
			if place[0] in keys.EXPIRING:
				yield score - self.ttl.get(place, _USUAL_TTL[place[0]])
			else:
				moment = hydrate.latest(next(times))
				yield moment.timestamp() if moment else 0.0

	def _samples(self, entries: list[tuple[Place, Place, float]]) -> list[tuple[Place, str, float]]:
		"""The first few jobs of each registry whose TTL is not known yet."""
		counted = dict.fromkeys(self.sizes, 0)
		samples = []
		for place, entry, score in entries:
			if place[0] in keys.EXPIRING and place not in self.ttl and counted[place] < _SAMPLES:
				counted[place] += 1
				samples.append((place, entry[1], score))
		return samples
