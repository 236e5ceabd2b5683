"""How many jobs of a site stand in a status: their ids say it, so no job is read and none is kept.

RQ knows the depth of a list or registry, but not whose jobs they are. Telling them by id takes about 1 s for a million.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from job_monitor.core.rq import keys
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import SearchResult
from job_monitor.core.rq.store import RqClient

_CHUNK = 10_000
"""Ids in one answer: about 600 kB."""

_KEPT = 200_000
"""Ids kept to count a job once that stands in two places: about 30 MB."""


def is_enough(query: JobQuery) -> bool:
	"""Whether ids alone say what matches: a site is asked for, and nothing else but queues and statuses.

	Failed and stopped jobs share a registry, and only their hashes tell them apart: both, or neither.
	"""
	others = (query.job_id, query.method, query.user, query.text, query.created_after, query.created_before)
	return bool(query.site) and len({keys.FAILED, "stopped"} & {*query.statuses}) != 1 and not any(others)


def of_site(client: RqClient, query: JobQuery, seconds: float) -> SearchResult:
	"""`matched` of a query that `is_enough` for, exact if the result is `complete`. A round trip for each 10,000 ids.

	Raises:
		InvalidQuery: Unknown queue.
		CouldNotAsk: Redis gave no answer.
	"""
	deadline = time.monotonic() + seconds
	sizes, _ = client.sizes([(status, q) for q in client.resolve(query.queues) for status in query.places])
	marks = tuple(f"{query.site}{mark}".encode() for mark in keys.SITE_SEPARATORS)
	# A job that is enqueued anew under its old id stands in two places. The largest is read last: its ids are not kept
	places = sorted(sizes, key=lambda place: sizes[place])
	kept: set[bytes] = set()
	matched = looked_at = 0
	for place in places:
		for entries in _entries(client, place, sizes[place]):
			own = [job_id for job_id in entries if job_id.startswith(marks)]
			if kept:
				own = [job_id for job_id in own if job_id not in kept]
			matched += len(own)
			looked_at += len(entries)
			if place != places[-1]:
				kept.update(own)
			if time.monotonic() >= deadline or len(kept) > _KEPT:
				return _result(matched, looked_at, sum(sizes.values()))
	return _result(matched, sum(sizes.values()), sum(sizes.values()))


def _result(matched: int, looked_at: int, out_of: int) -> SearchResult:
	return SearchResult((), looked_at, out_of, "" if looked_at >= out_of else str(looked_at), matched=matched)


def _entries(client: RqClient, place: Place, size: int) -> Iterator[list[bytes]]:
	for offset in range(0, size, _CHUNK):
		answer = client.ask([client.window_command(place, size, offset, _CHUNK, newest=True)])[0]
		entries = answer if isinstance(answer, list) else []
		yield [_job_id(entry) for entry in entries] if place[0] == keys.STARTED else entries


def _job_id(entry: bytes) -> bytes:
	return keys.job_id_of(keys.text(entry), keys.STARTED).encode()
