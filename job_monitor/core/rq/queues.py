"""Reads queues as RQ keeps them: their counts, their longest waiting job, and when a job of theirs last ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from job_monitor.core import clock, limits
from job_monitor.core.rq import keys, places
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.records import Queue


def read_queues(client: RqClient, names: Sequence[str] | None = None) -> list[Queue]:
	"""Counts of every queue and status, and the longest waiting job.

	Two round trips (one more to learn the names, and one more for a queue with jobs put in front).

	Args:
		names: Full names; all queues of the client if None.

	Raises:
		CouldNotAsk: Redis gave no answer.
	"""
	names = client.queue_names() if names is None else list(names)
	askable = [name for name in names if keys.is_askable(name)]
	now = clock.now()
	counted = [(status, name) for name in askable for status in keys.PLACES]
	answers = client.ask(
		[places.size_command(place, now) for place in counted]
		+ [("LRANGE", keys.queue_key(name), 0, 1) for name in askable]
	)
	heads = answers[len(counted) :]
	counts = dict(zip(counted, answers[: len(counted)], strict=True))
	times = _times(client, heads, "enqueued_at")
	queues = {
		name: _queue(name, counts, *_oldest(client, name, head, times))
		for name, head in zip(askable, heads, strict=True)
	}
	return [queues.get(name) or _unaskable(name) for name in names]


def with_last_end(client: RqClient, queues: Sequence[Queue]) -> list[Queue]:
	"""The queues with the time of their last end, and how many jobs ended lately. Three round trips."""
	registries = [(status, queue.name) for queue in queues for status in sorted(keys.EXPIRING)]
	tops = client.ask(("ZREVRANGE", keys.place_key(*place), 0, 0, "WITHSCORES") for place in registries)
	newest = {
		place: pairs[0] for place, top in zip(registries, tops, strict=True) if (pairs := keys.scored(top))
	}
	times = _times(client, [[job_id for job_id, _ in newest.values()]], "ended_at")
	ended = {place: moment for place, (job_id, _) in newest.items() if (moment := times[job_id])}
	lately = _ended_lately(client, {place: (newest[place][1], ended[place]) for place in ended})
	return [
		replace(
			queue,
			last_ended_at=max((ended[p] for p in ended if p[1] == queue.name), default=None),
			failed_lately=lately.get((keys.FAILED, queue.name), 0),
			finished_lately=lately.get(("finished", queue.name), 0),
		)
		for queue in queues
	]


def _ended_lately(client: RqClient, newest: dict[Place, tuple[float, datetime]]) -> dict[Place, int]:
	"""Jobs of each registry that ended in the last `limits.LATELY_SECONDS`, by score and end of its newest job."""
	# Entries that were added so much before the newest one ended so much before it
	ages = {
		place: clock.seconds_between(ended_at, clock.now()) or 0.0 for place, (_, ended_at) in newest.items()
	}
	recent = [place for place, age in ages.items() if age < limits.LATELY_SECONDS]
	counts = client.ask(
		("ZCOUNT", keys.place_key(*place), newest[place][0] - limits.LATELY_SECONDS + ages[place], "+inf")
		for place in recent
	)
	return {place: n for place, n in zip(recent, counts, strict=True) if isinstance(n, int)}


def _times(client: RqClient, lists: Sequence[Any], field: str) -> dict[bytes, datetime | None]:
	"""One time of every job in these lists of ids. One round trip."""
	ids = [job_id for entries in lists if isinstance(entries, list) for job_id in entries]
	answers = client.ask(("HGET", keys.job_key(keys.text(i)), field) for i in ids)
	return {i: clock.parse(a) if isinstance(a, bytes) else None for i, a in zip(ids, answers, strict=True)}


def _oldest(
	client: RqClient, queue: str, head: Any, times: dict[bytes, datetime | None]
) -> tuple[str, datetime | None]:
	"""The longest waiting job. Jobs put in front stand newest first; the oldest is behind them."""
	if not isinstance(head, list) or not head:
		return "", None
	first = times.get(head[0])
	second = times.get(head[-1])
	if first and second and first > second:
		head = client.ask([("LRANGE", keys.queue_key(queue), 0, limits.CHUNK_ROWS - 1)])[0]
		times = _times(client, [head], "enqueued_at")
	dated = [(moment, keys.text(i)) for i in head if (moment := times.get(i)) is not None]
	return (min(dated)[1], min(dated)[0]) if dated else (keys.text(head[0]), None)


def _queue(name: str, answers: dict[Place, Any], oldest_id: str, oldest_at: datetime | None) -> Queue:
	bench, short = keys.split_queue(name)
	counts = {s: answers[s, name] for s in keys.PLACES if not isinstance(answers[s, name], Exception)}
	problems = [str(answers[s, name]) for s in keys.PLACES if isinstance(answers[s, name], Exception)]
	return Queue(name, short, bench, counts, oldest_id, oldest_at, problem="; ".join(problems[:1]))


def _unaskable(name: str) -> Queue:
	bench, short = keys.split_queue(name)
	return Queue(name, short, bench, {}, problem=places.ODD_NAME)
