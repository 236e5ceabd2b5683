"""Small registries in no useful order (started, deferred, scheduled jobs), read whole and sorted together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from job_monitor.core import limits
from job_monitor.core.rq import cursor, job_fields, keys, places
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.cursor import Pooled
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.places import Entry


class Pool:
	"""Jobs of these registries by (moment, id), behind the last one that was used before.

	Args:
		sizes: Every place of the merge; those that belong here are picked out.
		after: See `Cursor.pooled`.
	"""

	def __init__(self, client: RqClient, sizes: Mapping[Place, int], after: Pooled | None) -> None:
		self.client = client
		self.places = [place for place, size in sizes.items() if _belongs(place, size)]
		self.size = sum(sizes[place] for place in self.places)
		self.after = after
		self.entries: list[Entry] | None = None

	def read(self, newest: bool, ordered: bool, keep: Callable[[str], bool] | None) -> list[Entry]:
		"""The entries in their order. Two round trips."""
		answers = self.client.ask(("ZRANGE", keys.place_key(*place), 0, -1) for place in self.places)
		found = [
			(place, job_id)
			for place, answer in zip(self.places, answers, strict=True)
			for job_id in places.window_ids(place, answer, newest=False)
			if keep is None or keep(job_id)
		]
		times = self._times(job_id for _, job_id in found) if ordered else [0.0] * len(found)
		ranked = sorted(
			((-moment if newest else moment, cursor.digest(job_id), job_id), place)
			for (place, job_id), moment in zip(found, times, strict=True)
		)
		left = [pair for pair in ranked if self.after is None or pair[0] > self.after]
		self.entries = [Entry(place, key[2], n, pooled=key) for n, (key, place) in enumerate(left, 1)]
		return self.entries

	def _times(self, job_ids: Iterable[str]) -> list[float]:
		answers = self.client.ask(("HMGET", keys.job_key(i), *job_fields.TIME_FIELDS) for i in job_ids)
		return [job_fields.last_change(values) for values in answers]

	def stop(self, first: Entry | None) -> tuple[Pooled | None, int]:
		"""The last entry used, and how many are used up, where `first` is the first that was not."""
		if self.entries is None:
			return self.after, 0
		done = first.position - 1 if first else len(self.entries)
		last = self.entries[done - 1].pooled if done else self.after
		return last, self.size - (len(self.entries) - done)


def _belongs(place: Place, size: int) -> bool:
	return place[0] != keys.QUEUED and place[0] not in keys.SCORED and size <= limits.CHUNK_ROWS
