"""Reads jobs and queues as RQ keeps them: pipelined, bounded, and never writing.

Differences between RQ versions live here and in `keys`, `hydrate` and `workers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import keys, row_reader
from job_monitor.core.rq.client import Reader
from job_monitor.core.rq.connection import asking
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.merge import Merge
from job_monitor.core.rq.query import COLUMNS, JobQuery
from job_monitor.core.rq.records import Job, Page, Queue


class RqClient(Reader):
	"""Jobs and queues of one Redis."""

	# Queues

	def queue_names(self) -> list[str]:
		"""Full names of the queues RQ knows, in order of their names. One round trip.

		Raises:
			CouldNotAsk: Redis gave no answer, or refused.
		"""
		with asking(self.connection):
			members = self.connection.smembers(keys.QUEUES)
		names = {keys.text(member).removeprefix(keys.QUEUE_PREFIX) for member in members}
		return sorted(name for name in names if self.bench is None or keys.bench_of(name) == self.bench)

	def resolve(self, queues: Sequence[str]) -> list[str]:
		"""Full names for short or full ones; all queues if none is given.

		Raises:
			InvalidQuery: No such queue.
		"""
		known = self.queue_names()
		if not queues:
			return known
		unknown = [q for q in queues if not any(q in (name, keys.short_name(name)) for name in known)]
		if unknown:
			names = ", ".join(sorted({keys.short_name(name) for name in known})) or "no queue yet"
			raise InvalidQuery(f"queue {unknown[0][:80]!r} is not known here, only: {names}")
		return [name for name in known if name in queues or keys.short_name(name) in queues]

	def queues(self, names: Sequence[str] | None = None) -> list[Queue]:
		"""Counts of every queue and status, and the longest waiting job.

		Two round trips (one more to learn the names, and one more for a queue with jobs put in front).
		"""
		every = self.queue_names() if names is None else list(names)
		names = [name for name in every if keys.is_askable(name)]
		now = clock.now()
		places = [(status, name) for name in names for status in keys.PLACES]
		answers = self.ask(
			[self._count_command(*place, now) for place in places]
			+ [("LRANGE", keys.queue_key(name), 0, 1) for name in names]
		)
		heads = answers[len(places) :]
		counts = dict(zip(places, answers[: len(places)], strict=True))
		times = self._times(heads, "enqueued_at")
		found = {
			name: self._queue(name, counts, *self._oldest(name, heads[n], times))
			for n, name in enumerate(names)
		}
		return [found.get(name) or _unaskable(name) for name in every]

	def last_ended(self, queues: Sequence[Queue]) -> list[Queue]:
		"""The queues with the time of their last end, and how many ended lately. Three round trips."""
		places = [(status, queue.name) for queue in queues for status in sorted(keys.EXPIRING)]
		tops = self.ask([("ZREVRANGE", keys.place_key(*place), 0, 0, "WITHSCORES") for place in places])
		newest = {
			place: pairs[0] for place, top in zip(places, tops, strict=True) if (pairs := keys.scored(top))
		}
		times = self._times([[job_id for job_id, _ in newest.values()]], "ended_at")
		ended = {place: moment for place, (job_id, _) in newest.items() if (moment := times[job_id])}
		# Entries that were added so much before the newest one ended so much before it
		ages = {place: clock.seconds_between(moment, clock.now()) or 0.0 for place, moment in ended.items()}
		recent = [place for place, age in ages.items() if age < limits.LATELY_SECONDS]
		counts = self.ask(
			("ZCOUNT", keys.place_key(*place), newest[place][1] - limits.LATELY_SECONDS + ages[place], "+inf")
			for place in recent
		)
		lately = {place: n for place, n in zip(recent, counts, strict=True) if isinstance(n, int)}
		return [
			replace(
				queue,
				last_ended_at=max((ended[p] for p in ended if p[1] == queue.name), default=None),
				failed_lately=lately.get((keys.FAILED, queue.name), 0),
				finished_lately=lately.get(("finished", queue.name), 0),
			)
			for queue in queues
		]

	def _count_command(self, status: str, queue: str, now: datetime) -> tuple[Any, ...]:
		key = keys.place_key(status, queue)
		if status == keys.QUEUED:
			return ("LLEN", key)
		if status in keys.EXPIRING:
			return ("ZCOUNT", key, f"({now.timestamp()}", "+inf")
		return ("ZCARD", key)

	def _times(self, lists: Sequence[Any], field: str) -> dict[bytes, datetime | None]:
		"""One time of every job in these lists of ids. One round trip."""
		ids = [job_id for entries in lists if isinstance(entries, list) for job_id in entries]
		answers = self.ask(("HGET", keys.job_key(keys.text(i)), field) for i in ids)
		return {
			i: clock.parse(a) if isinstance(a, bytes) else None for i, a in zip(ids, answers, strict=True)
		}

	def _oldest(
		self, queue: str, head: Any, times: dict[bytes, datetime | None]
	) -> tuple[str, datetime | None]:
		"""The longest waiting job. Jobs put in front stand newest first; the oldest is behind them."""
		if not isinstance(head, list) or not head:
			return "", None
		first = times.get(head[0])
		second = times.get(head[-1])
		if first and second and first > second:
			head = self.ask([("LRANGE", keys.queue_key(queue), 0, limits.CHUNK_ROWS - 1)])[0]
			times = self._times([head], "enqueued_at")
		dated = [(moment, keys.text(i)) for i in head if (moment := times.get(i)) is not None]
		return (min(dated)[1], min(dated)[0]) if dated else (keys.text(head[0]), None)

	def _queue(
		self, name: str, answers: dict[Place, Any], oldest_id: str, oldest_at: datetime | None
	) -> Queue:
		bench, short = keys.split_queue(name)
		counts = {s: answers[s, name] for s in keys.PLACES if not isinstance(answers[s, name], Exception)}
		problems = [str(answers[s, name]) for s in keys.PLACES if isinstance(answers[s, name], Exception)]
		return Queue(name, short, bench, counts, oldest_id, oldest_at, problem="; ".join(problems[:1]))

	# Lists

	def page(self, query: JobQuery) -> Page:
		"""One page of jobs by status and queue, with the exact count. Five round trips, whatever the depth.

		Order of one queue or registry is RQ's own, which is by last change of status. Several are merged by it.

		Raises:
			InvalidQuery: The query needs a scan (see `search`), or an unknown queue.
		"""
		if query.needs_scan:
			raise InvalidQuery("these filters need a search")
		places = [(status, queue) for queue in self.resolve(query.queues) for status in query.places]
		sizes, note = self.sizes(places)
		filled = [place for place in places if sizes.get(place)]
		total = sum(sizes.values())
		if len(filled) == 1:
			ids = self.window(filled[0], sizes[filled[0]], query.offset, query.limit, query.newest_first)
		elif query.offset > limits.MERGED_OFFSET_ROWS:
			raise InvalidQuery(
				f"offset is over {limits.MERGED_OFFSET_ROWS:,}: choose one status and one queue to go deeper"
			)
		else:
			merge = Merge(self, {place: sizes[place] for place in filled}, query.newest_first)
			ids = _unique(merge, query.offset + query.limit)[query.offset :]
		return Page(tuple(self.rows(ids, query.columns)), total, note)

	def sizes(self, places: Sequence[Place]) -> tuple[dict[Place, int], str]:
		"""How many jobs stand in each place, and a note about those that could not be read. One round trip."""
		now = clock.now()
		odd = {f"{queue}: {_ODD_NAME}" for _, queue in places if not keys.is_askable(queue)}
		places = [place for place in places if keys.is_askable(place[1])]
		answers = self.ask([self._count_command(*place, now) for place in places])
		failed = sorted(odd) + [
			f"{s} of {q}: {a}" for (s, q), a in zip(places, answers, strict=True) if isinstance(a, Exception)
		]
		sizes = {place: a for place, a in zip(places, answers, strict=True) if not isinstance(a, Exception)}
		return sizes, f"not readable: {'; '.join(failed[:3])}" if failed else ""

	def window(self, place: Place, size: int, offset: int, limit: int, newest: bool = True) -> list[Place]:
		"""(status, job id) of a window of one place, from its newest or oldest end. One round trip."""
		if offset >= size:
			return []
		answer = self.ask([self.window_command(place, size, offset, limit, newest)])[0]
		return self.ids_of(place, answer, newest)

	def rows(self, ids: Sequence[Place], columns: frozenset[str] = COLUMNS) -> list[Job]:
		"""List rows for (status, job id). Two round trips; payloads over the list's limit are not fetched.

		Args:
			columns: See `JobQuery.columns`.
		"""
		return row_reader.read(self, ids, columns)

	# One job

	def job(self, job_id: str) -> Job:
		"""One job in full. Two round trips.

		Raises:
			JobNotFound: Redis does not know the id.
		"""
		return row_reader.read_one(self, job_id)


_ODD_NAME = "its name is no UTF-8, so that it cannot be asked for"


def _unaskable(name: str) -> Queue:
	bench, short = keys.split_queue(name)
	return Queue(name, short, bench, {}, problem=_ODD_NAME)


def _unique(merge: Merge, count: int) -> list[Place]:
	"""(status, job id) of the next jobs, each once: one that runs anew still stands in the registry of its last end."""
	first: dict[str, Place] = {}
	while len(first) < count and (entries := merge.next(count - len(first))):
		for entry in entries:
			first.setdefault(entry.job_id, (entry.place[0], entry.job_id))
	return list(first.values())
