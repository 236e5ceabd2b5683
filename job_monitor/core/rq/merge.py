"""Newest-first (or oldest-first) over many lists and registries at once, reading little more than what is used."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from job_monitor.core.rq import job_fields, keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.cursor import Cursor
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.places import Entry, PlaceReader
from job_monitor.core.rq.pool import Pool


class Merge:
	"""A k-way merge of places, each of them read on when its last entry was used.

	What a job is ordered by costs little to read: the entry's score less the registry's TTL where RQ scores by time
	(to the second; exact as long as a registry's jobs share one TTL, as Frappe's do), else the job's own times. A job
	which by its times should have come earlier than the one before it (put in front of its queue) comes right after it.

	Started, deferred and scheduled jobs stand in no useful order: registries of up to `limits.CHUNK_ROWS` are read
	whole and sorted (see `pool`), larger ones keep their order.

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
		self.out_of_time = False
		self.pool = Pool(client, sizes, self.start.pooled)
		self.sizes = {place: size for place, size in sizes.items() if place not in self.pool.places}
		self.readers: dict[Place, PlaceReader] = {}
		self.is_single = len(self.sizes) + bool(self.pool.size) == 1
		self.has_begun = self.has_read = False
		self.heap: list[tuple[float, int, int, Entry]] = []

	def next(self, count: int) -> list[Entry]:
		"""The next entries, at most `count`. Fewer only at the end, or when the time is up."""
		if not self.has_begun:
			self._begin(count)
		entries: list[Entry] = []
		while self.heap and len(entries) < count and not self.out_of_time:
			entry = heapq.heappop(self.heap)[-1]
			entries.append(entry)
			if entry.pooled is None:
				reader = self.readers[entry.place]
				reader.ahead -= 1
				self._read_on([reader])
		return entries

	def stop(self, unused: Iterable[Entry] = ()) -> tuple[Cursor, int]:
		"""Where to go on, and how many entries are used up; those in `unused` came from `next` but were not needed."""
		first: dict[Place | None, Entry] = {}
		for entry in (*unused, *(ranked[-1] for ranked in self.heap)):
			source = None if entry.pooled else entry.place
			if source not in first or entry.position < first[source].position:
				first[source] = entry
		counts, scores = dict(self.start.counts), dict(self.start.scores)
		pooled, used = self.pool.stop(first.get(None))
		for place, reader in self.readers.items():
			left = first.get(place)
			done = left.position - 1 if left else reader.read
			used += done
			if not reader.is_scored:
				counts[place] = done
			elif position := (left.score, left.ties) if left else reader.last:
				scores[place] = position
		return Cursor({place: count for place, count in counts.items() if count}, scores, pooled), used

	def _begin(self, count: int) -> None:
		"""Goes to where each place goes on. Six round trips at most."""
		self.has_begun = True
		block = 2 * count // (len(self.sizes) + 1)
		for number, (place, size) in enumerate(self.sizes.items()):
			self.readers[place] = PlaceReader(place, size, number, self.newest, block)
		self._resume()
		for entry in self.pool.read(self.newest, self.ordered, self.keep):
			rank = entry.pooled[0] if entry.pooled else 0.0
			heapq.heappush(self.heap, (rank, len(self.sizes), entry.position, entry))
		self._read_on(self.readers.values())

	def _resume(self) -> None:
		"""One round trip, if a registry scored by time was left in between."""
		for reader in self.readers.values():
			if not reader.is_scored:
				reader.resume_after(self.start.counts.get(reader.place, 0))
		scores = self.start.scores
		scored = [r for r in self.readers.values() if r.is_scored and r.place in scores]
		answers = iter(self.client.ask(c for r in scored for c in r.resume_commands(scores[r.place][0])))
		for reader in scored:
			reader.resume_at(*scores[reader.place], [next(answers), next(answers)])

	def _read_on(self, readers: Iterable[PlaceReader]) -> None:
		"""Fills those places of which nothing is ahead. Two round trips, more if all of a block is passed over."""
		while dry := [reader for reader in readers if reader.is_dry]:
			# Something is read however short the time is, so that going on always gets on
			if self.has_read and time.monotonic() > self.deadline:
				self.out_of_time = True
				return
			self.has_read = True
			answers = self.client.ask(reader.command() for reader in dry)
			blocks = [reader.take(answer, self.keep) for reader, answer in zip(dry, answers, strict=True)]
			for reader, entries, ranks in zip(dry, blocks, self._ranks(dry, blocks), strict=True):
				for entry, rank in zip(entries, ranks, strict=True):
					heapq.heappush(self.heap, (rank, reader.number, entry.position, entry))
			readers = dry

	def _ranks(self, readers: Sequence[PlaceReader], blocks: Sequence[list[Entry]]) -> list[list[float]]:
		"""What orders the entries of each block. One round trip, if jobs must be asked for their times."""
		if not self.ordered or self.is_single:
			return [[0.0] * len(entries) for entries in blocks]
		undated = [reader.undated(entries) for reader, entries in zip(readers, blocks, strict=True)]
		answers = iter(
			self.client.ask(
				("HMGET", keys.job_key(i), *job_fields.TIME_FIELDS) for ids in undated for i in ids
			)
		)
		return [
			list(reader.ranks(entries, list(islice(answers, len(ids)))))
			for reader, entries, ids in zip(readers, blocks, undated, strict=True)
		]
