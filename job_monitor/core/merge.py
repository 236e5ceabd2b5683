"""Newest-first (or oldest-first) over many lists and registries at once, reading little more than what is used."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from job_monitor.core import clock, hydrate, keys, limits

if TYPE_CHECKING:
	from job_monitor.core.store import Place, Store

_SMALLEST_BLOCK = 8
_SAMPLES = 2
_USUAL_TTL = {keys.FAILED: 7 * 86400, "finished": 600}
"""Frappe's, for a registry whose newest jobs have no data left to learn it from."""


class Entry(NamedTuple):
	"""A job as a place holds it. `position` counts from 1 at the end where reading begins."""

	place: Place
	job_id: str
	position: int


class Merge:
	"""A k-way merge. Each place is read from one end in blocks that grow as it is used up.

	What a job is ordered by costs little to read: the entry's score less the registry's TTL where RQ scores by expiry
	(to the second; exact as long as a registry's jobs share one TTL, as Frappe's do), else the job's own times.
	Started, deferred, scheduled and canceled jobs stand in no useful order: up to `limits.CHUNK_ROWS` are sorted anew.

	Args:
		sizes: The places and how many jobs stand in each.
		ordered: False takes place by place, which spares reading times.
		keep: Which job ids matter; the others are passed over at no cost but their id.
		done: Entries of each place that were used before.
		deadline: `time.monotonic()` after which no more is read; see `out_of_time`.
	"""

	def __init__(
		self,
		store: Store,
		sizes: Mapping[Place, int],
		newest: bool = True,
		ordered: bool = True,
		keep: Callable[[str], bool] | None = None,
		done: Mapping[Place, int] | None = None,
		deadline: float = math.inf,
	) -> None:
		self.store = store
		self.sizes = sizes
		self.newest = newest
		self.ordered = ordered and len(sizes) > 1
		self.keep = keep
		self.deadline = deadline
		self.out_of_time = False
		self.numbers = {place: number for number, place in enumerate(sizes)}
		self.read = {place: min(size, (done or {}).get(place, 0)) for place, size in sizes.items()}
		self.ahead = dict.fromkeys(sizes, 0)
		self.block: dict[Place, int] = {}
		self.ttl: dict[Place, float] = {}
		self.heap: list[tuple[float, int, int, Entry]] = []

	def next(self, count: int) -> list[Entry]:
		"""The next entries, at most `count`. Fewer only at the end, or when the time is up."""
		if not self.block:
			share = max(_SMALLEST_BLOCK, 2 * count // max(1, len(self.sizes)))
			self.block = dict.fromkeys(self.sizes, min(share, limits.CHUNK_ROWS))
			self._fill(self.sizes)
		taken: list[Entry] = []
		while self.heap and len(taken) < count and not self.out_of_time:
			entry = heapq.heappop(self.heap)[-1]
			taken.append(entry)
			self.ahead[entry.place] -= 1
			self._fill([entry.place])
		return taken

	def done(self, unused: Iterable[Entry] = ()) -> dict[Place, int]:
		"""Entries of each place that are used up, where those in `unused` were taken but not needed."""
		done = dict(self.read)
		for entry in (*unused, *(rank[-1] for rank in self.heap)):
			done[entry.place] = min(done[entry.place], entry.position - 1)
		return done

	def _fill(self, places: Iterable[Place]) -> None:
		"""Read on in those places of which nothing is ahead. Two round trips, more if all of a block is passed over."""
		empty = self._empty(places)
		while empty:
			if time.monotonic() > self.deadline:
				self.out_of_time = True
				return
			entries = self._read(empty)
			for (entry, _), moment in zip(entries, self._moments(entries), strict=True):
				rank = -moment if self.newest else moment
				heapq.heappush(self.heap, (rank, self.numbers[entry.place], entry.position, entry))
				self.ahead[entry.place] += 1
			empty = self._empty(empty)

	def _empty(self, places: Iterable[Place]) -> list[Place]:
		return [place for place in places if not self.ahead[place] and self.read[place] < self.sizes[place]]

	def _read(self, places: Sequence[Place]) -> list[tuple[Entry, float]]:
		"""The next block of each place: entries that are kept, with their scores. One round trip."""
		answers = self.store.ask([self._command(place) for place in places])
		found: list[tuple[Entry, float]] = []
		for place, answer in zip(places, answers, strict=True):
			start = self.read[place]
			pairs = self._pairs(place, answer)
			self.read[place] = start + len(pairs) if pairs else self.sizes[place]
			self.block[place] = min(limits.CHUNK_ROWS, self.block[place] * 2)
			found += [
				(Entry(place, job_id, start + n), score)
				for n, (job_id, score) in enumerate(pairs, 1)
				if self.keep is None or self.keep(job_id)
			]
		return found

	def _command(self, place: Place) -> tuple[Any, ...]:
		scored = place[0] in keys.EXPIRING
		unordered = place[0] != keys.QUEUED and not scored
		size = limits.CHUNK_ROWS if unordered else self.block[place]
		command = self.store.window_command(place, self.sizes[place], self.read[place], size, self.newest)
		return (*command, "WITHSCORES") if scored else command

	def _pairs(self, place: Place, answer: Any) -> list[tuple[str, float]]:
		"""Job ids of an answer, with the score where one was asked for."""
		if isinstance(answer, Exception) or not answer:
			return []
		if place[0] not in keys.EXPIRING:
			return [(job_id, 0.0) for _, job_id in self.store.ids_of(place, answer, self.newest)]
		nested = isinstance(answer[0], (list, tuple))  # RESP3
		pairs = answer if nested else zip(answer[::2], answer[1::2], strict=True)
		return [(keys.text(entry), float(score)) for entry, score in pairs]

	def _moments(self, entries: Sequence[tuple[Entry, float]]) -> Iterator[float]:
		"""What each entry is ordered by, as Unix time. Asks only for jobs whose place does not tell it."""
		if not self.ordered:
			yield from (0.0 for _ in entries)
			return
		asked = [entry.job_id for entry, _ in entries if entry.place[0] not in keys.EXPIRING]
		samples = self._samples(entries)
		ids = [*asked, *(entry.job_id for entry, _ in samples)]
		answers = self.store.ask(("HMGET", keys.job_key(i), *hydrate.TIME_FIELDS) for i in ids)
		for (entry, score), values in zip(samples, answers[len(asked) :], strict=True):
			ended = None if isinstance(values, Exception) else clock.parse(values[-1])
			if ended is not None and score > ended.timestamp():
				self.ttl.setdefault(entry.place, round(score - ended.timestamp()))
		times = iter(answers)
		for entry, score in entries:
			if entry.place[0] in keys.EXPIRING:
				yield score - self.ttl.get(entry.place, _USUAL_TTL[entry.place[0]])
			else:
				moment = hydrate.latest(next(times))
				yield moment.timestamp() if moment else 0.0

	def _samples(self, entries: Sequence[tuple[Entry, float]]) -> list[tuple[Entry, float]]:
		"""The first few jobs of each registry whose TTL is not known yet."""
		counted = dict.fromkeys(self.sizes, 0)
		samples = []
		for entry, score in entries:
			place = entry.place
			if place[0] in keys.EXPIRING and place not in self.ttl and counted[place] < _SAMPLES:
				counted[place] += 1
				samples.append((entry, score))
		return samples
