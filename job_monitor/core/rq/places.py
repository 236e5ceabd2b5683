"""Lists and registries: how many jobs stand in one, and which at a window of it. A `Place` is a status and a queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from job_monitor.core import clock
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.query import JobQuery

ODD_NAME = "its name is no UTF-8, so that it cannot be asked for"
"""Why a queue has no counts."""


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
