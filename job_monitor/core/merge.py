"""Newest-first (or oldest-first) over many lists and registries at once, reading little more than what is shown."""

from __future__ import annotations

import heapq
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from job_monitor.core import hydrate, keys, limits

if TYPE_CHECKING:
	from job_monitor.core.store import Place, Store

_EPOCH = datetime.fromtimestamp(0, timezone.utc)
_FIRST_BLOCK = 16


class Merge:
	"""A k-way merge. Each place is read from one end in blocks that double, with the four times of each job.

	A place is taken to be ordered by the last change of status, as RQ fills it. Small ones (started, deferred …)
	need not be: up to `limits.CHUNK_ROWS` entries of a place are sorted anew.
	"""

	def __init__(self, store: Store, sizes: dict[Place, int], newest: bool) -> None:
		self.store = store
		self.sizes = sizes
		self.sign = -1.0 if newest else 1.0
		self.read = dict.fromkeys(sizes, 0)
		self.heap: list[tuple[float, int, int, Place]] = []

	def window(self, offset: int, limit: int) -> list[Place]:
		"""(status, job id) of the window."""
		needed = offset + limit
		taken: dict[str, Place] = {}
		block = max(_FIRST_BLOCK, needed // max(1, len(self.sizes)) + 8)
		behind = dict.fromkeys(self.sizes, 0)
		self._fill({place: block for place in self.sizes}, behind)
		while self.heap and len(taken) < needed:
			_, number, _, entry = heapq.heappop(self.heap)
			place = self._places[number]
			# A job that runs anew under its old id still stands in the registry of its last end
			taken.setdefault(entry[1], entry)
			behind[place] -= 1
			if not behind[place] and self.read[place] < self.sizes[place]:
				self._fill({place: min(max(self.read[place], block), needed - len(taken) + 1)}, behind)
		return list(taken.values())[offset:needed]

	@property
	def _places(self) -> list[Place]:
		return list(self.sizes)

	def _fill(self, blocks: dict[Place, int], behind: dict[Place, int]) -> None:
		numbers = {place: number for number, place in enumerate(self.sizes)}
		wanted = {p: self._block(p, n) for p, n in blocks.items()}
		newest = self.sign < 0
		commands = [
			self.store.window_command(p, self.sizes[p], self.read[p], n, newest) for p, n in wanted.items()
		]
		answers = self.store.ask(command for command in commands if command)
		entries = [
			(place, entry)
			for place, answer in zip(wanted, answers, strict=True)
			for entry in self.store.ids_of(place, answer, newest)
		]
		times = self.store.ask(("HMGET", keys.job_key(e[1]), *hydrate.TIME_FIELDS) for _, e in entries)
		for place in wanted:
			self.read[place] += wanted[place]
		for order, ((place, entry), values) in enumerate(zip(entries, times, strict=True)):
			moment = hydrate.latest(values) or _EPOCH
			rank = self.sign * moment.timestamp()
			heapq.heappush(self.heap, (rank, numbers[place], self.read[place] + order, entry))
			behind[place] += 1

	def _block(self, place: Place, block: int) -> int:
		unordered = place[0] != keys.QUEUED and place[0] not in keys.EXPIRING
		return min(self.sizes[place], limits.CHUNK_ROWS) if unordered and not self.read[place] else block
