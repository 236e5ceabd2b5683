"""Newest-first (or oldest-first) over many lists and registries at once, reading little more than what is used."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.rq import job_fields, keys, places
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.cursor import Cursor
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.pool import POOL, Entry, Pool

_SMALLEST_BLOCK = 8
_SAMPLES = 2
_USUAL_TTL = {keys.FAILED: 7 * 86400, "finished": 600, "canceled": 0}
"""Frappe's, for a registry whose newest jobs have no data left to learn it from. RQ scores canceled jobs by their end."""


class Merge:
	"""A k-way merge. Each place is read from one end in blocks that grow as it is used up, and in its own order.

	What a job is ordered by costs little to read: the entry's score less the registry's TTL where RQ scores by time
	(to the second; exact as long as a registry's jobs share one TTL, as Frappe's do), else the job's own times. A job
	which by its times should have come earlier than the one before it (put in front of its queue) comes right after it.

	Started, deferred and scheduled jobs stand in no useful order: registries of up to `limits.CHUNK_ROWS` are read
	whole and sorted (see `pool`), larger ones are taken as they are.

	Args:
		sizes: The places and how many jobs stand in each.
		ordered: False takes place by place, which spares reading times.
		keep: Which job ids matter; the others are passed over at no cost but their id.
		start: Where to go on.
		deadline: `time.monotonic()` after which no more is read; see `out_of_time`.
	"""

	def __init__(
		self,
		client: RqClient,
		sizes: Mapping[Place, int],
		newest: bool = True,
		ordered: bool = True,
		keep: Callable[[str], bool] | None = None,
		start: Cursor | None = None,
		deadline: float = math.inf,
	) -> None:
		self.client, self.newest, self.ordered, self.keep = client, newest, ordered, keep
		self.start = start or Cursor()
		self.deadline = deadline
		self.out_of_time = self.has_read = False
		self.pool = Pool(client, sizes, self.start.pooled)
		self.sizes = {place: size for place, size in sizes.items() if place not in self.pool.places}
		self.numbers = {place: number for number, place in enumerate([*self.sizes, POOL])}
		self.read = dict.fromkeys(self.sizes, 0)
		self.ahead = dict.fromkeys(self.numbers, 0)
		self.rank = dict.fromkeys(self.sizes, -math.inf)
		self.last: dict[Place, tuple[float, int]] = {}
		self.block: dict[Place, int] = {}
		self.ttl: dict[Place, float] = {}
		self.heap: list[tuple[float, int, int, Entry]] = []

	def next(self, count: int) -> list[Entry]:
		"""The next entries, at most `count`. Fewer only at the end, or when the time is up."""
		if not self.block:
			share = max(_SMALLEST_BLOCK, 2 * count // len(self.numbers))
			self.block = dict.fromkeys(self.numbers, min(share, limits.CHUNK_ROWS))
			self._resume()
			for entry in self.pool.read(self.newest, self.ordered, self.keep):
				self._push(entry, entry.pooled[0] if entry.pooled else 0.0)
			self._fill(self.sizes)
		taken: list[Entry] = []
		while self.heap and len(taken) < count and not self.out_of_time:
			entry = heapq.heappop(self.heap)[-1]
			taken.append(entry)
			self.ahead[entry.source] -= 1
			if entry.source is not POOL:
				self._fill([entry.place])
		return taken

	def stop(self, unused: Iterable[Entry] = ()) -> tuple[Cursor, int]:
		"""Where to go on, and how many entries are used up; those in `unused` were taken but not needed."""
		first: dict[Place, Entry] = {}
		for entry in (*unused, *(ranked[-1] for ranked in self.heap)):
			if entry.source not in first or entry.position < first[entry.source].position:
				first[entry.source] = entry
		counts, scores = dict(self.start.counts), dict(self.start.scores)
		pooled, used = self.pool.stop(first.get(POOL))
		for place, read in self.read.items():
			left = first.get(place)
			done = left.position - 1 if left else read
			used += done
			if place[0] not in keys.SCORED:
				counts[place] = done
			elif left or place in self.last:
				scores[place] = (left.score, left.ties) if left else self.last[place]
		return Cursor({place: count for place, count in counts.items() if count}, scores, pooled), used

	def _resume(self) -> None:
		"""Where each place goes on. One round trip, if a registry scored by time was left in between."""
		for place, count in self.start.counts.items():
			if place in self.read and place[0] not in keys.SCORED:
				self.read[place] = min(self.sizes[place], count)
		scored = {place: at for place, at in self.start.scores.items() if place in self.read}
		answers = self.client.ask(
			("ZCOUNT", keys.place_key(*place), *span)
			for place, (score, _) in scored.items()
			for span in (self._before(place, score), (score, score))
		)
		for number, (place, (score, ties)) in enumerate(scored.items()):
			before, same = (a if isinstance(a, int) else 0 for a in answers[2 * number : 2 * number + 2])
			self.last[place] = (score, min(ties, same))
			self.read[place] = min(self.sizes[place], before + min(ties, same))

	def _before(self, place: Place, score: float) -> tuple[str, str]:
		"""The scores that are read before this one. Expired entries are none of those read."""
		if self.newest:
			return f"({score}", "+inf"
		return f"({clock.now().timestamp()}" if place[0] in keys.EXPIRING else "-inf", f"({score}"

	def _fill(self, places: Iterable[Place]) -> None:
		"""Read on in those places of which nothing is ahead. Two round trips, more if all of a block is passed over."""
		empty = self._empty(places)
		while empty:
			# Something is read however short the time is, so that going on always gets on
			if self.has_read and time.monotonic() > self.deadline:
				self.out_of_time = True
				return
			self.has_read = True
			entries = self._read(empty)
			for entry, moment in zip(entries, self._moments(entries), strict=True):
				# A place keeps its own order: what is used of it are always its first entries
				rank = max(self.rank[entry.place], -moment if self.newest else moment)
				self.rank[entry.place] = rank
				self._push(entry, rank)
			empty = self._empty(empty)

	def _push(self, entry: Entry, rank: float) -> None:
		heapq.heappush(self.heap, (rank, self.numbers[entry.source], entry.position, entry))
		self.ahead[entry.source] += 1

	def _empty(self, places: Iterable[Place]) -> list[Place]:
		return [place for place in places if not self.ahead[place] and self.read[place] < self.sizes[place]]

	def _read(self, places: Sequence[Place]) -> list[Entry]:
		"""The next block of each place: entries that are kept. One round trip."""
		answers = self.client.ask([self._command(place) for place in places])
		found: list[Entry] = []
		for place, answer in zip(places, answers, strict=True):
			start = self.read[place]
			pairs = self._pairs(place, answer)
			self.read[place] = start + len(pairs) if pairs else self.sizes[place]
			self.block[place] = min(limits.CHUNK_ROWS, self.block[place] * 2)
			found += (
				self._scored(place, start, pairs)
				if place[0] in keys.SCORED
				else self._plain(place, start, pairs)
			)
		return found

	def _plain(self, place: Place, start: int, pairs: Sequence[tuple[str, float]]) -> Iterator[Entry]:
		for position, (job_id, _) in enumerate(pairs, start + 1):
			if self.keep is None or self.keep(job_id):
				yield Entry(place, job_id, position)

	def _scored(self, place: Place, start: int, pairs: Sequence[tuple[str, float]]) -> Iterator[Entry]:
		last, ties = self.last.get(place, (math.nan, 0))
		keep = self.keep
		for position, (job_id, score) in enumerate(pairs, start + 1):
			if score != last:
				last, ties = score, 0
			if keep is None or keep(job_id):
				yield Entry(place, job_id, position, score, ties)
			ties += 1
		if pairs:
			self.last[place] = (last, ties)

	def _command(self, place: Place) -> tuple[Any, ...]:
		size = self.block[place]
		command = places.window_command(place, self.sizes[place], self.read[place], size, self.newest)
		return (*command, "WITHSCORES") if place[0] in keys.SCORED else command

	def _pairs(self, place: Place, answer: Any) -> list[tuple[str, float]]:
		"""Job ids of an answer, with the score where one was asked for."""
		if place[0] not in keys.SCORED:
			return [(job_id, 0.0) for job_id in places.window_ids(place, answer, self.newest)]
		return [(keys.text(entry), score) for entry, score in keys.scored(answer)]

	def _moments(self, entries: Sequence[Entry]) -> Iterator[float]:
		"""What each entry is ordered by, as Unix time. Asks only for jobs whose place does not tell it."""
		if not self.ordered or (len(self.numbers) == 2 and not self.pool.size):
			yield from (0.0 for _ in entries)
			return
		asked = [entry.job_id for entry in entries if entry.place[0] not in keys.SCORED]
		samples = self._samples(entries)
		ids = [*asked, *(entry.job_id for entry in samples)]
		answers = self.client.ask(("HMGET", keys.job_key(i), *job_fields.TIME_FIELDS) for i in ids)
		for entry, values in zip(samples, answers[len(asked) :], strict=True):
			ended = None if isinstance(values, Exception) else clock.parse(values[-1])
			if ended is not None and ended.timestamp() < entry.score < math.inf:
				self.ttl.setdefault(entry.place, round(entry.score - ended.timestamp()))
		times = iter(answers)
		for entry in entries:
			if entry.place[0] in keys.SCORED:
				yield entry.score - self.ttl.get(entry.place, _USUAL_TTL[entry.place[0]])
			else:
				moment = job_fields.latest(next(times))
				yield moment.timestamp() if moment else 0.0

	def _samples(self, entries: Sequence[Entry]) -> list[Entry]:
		"""The first few jobs of each registry whose TTL is not known yet."""
		counted = dict.fromkeys(self.sizes, 0)
		samples = []
		for entry in entries:
			place = entry.place
			if place[0] in keys.EXPIRING and place not in self.ttl and counted[place] < _SAMPLES:
				counted[place] += 1
				samples.append(entry)
		return samples
