"""Counts the jobs of sites by their ids alone: no job is read and none is kept.

RQ knows the depth of a list or registry, but not whose jobs stand there. A million ids take about 1 s.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator

from job_monitor.core import limits
from job_monitor.core.rq import keys, places
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.keys import Place
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import SearchResult

_CHUNK = 10_000
"""Ids in one answer: about 600 kB."""

_KEPT = 200_000
"""Ids kept to count a job once that stands in two places: about 30 MB."""

_SITE = re.compile(
	b"(.*?)(?:" + b"|".join(re.escape(mark.encode()) for mark in keys.SITE_SEPARATORS) + b")"
).match


def waiting_by_site(client: RqClient, seconds: float = limits.COUNT_SECONDS) -> tuple[Counter[str], bool]:
	"""Queued jobs of each site ("" for ids without one), and whether all were counted in the time allowed.

	One pass over the ids of all queues, whatever the number of sites: a round trip for each 10,000 ids.

	Raises:
		CouldNotAsk: Redis gave no answer.
	"""
	deadline = time.monotonic() + seconds
	counted: Counter[bytes] = Counter()
	exact = _count_waiting(client, counted, deadline)
	sites: Counter[str] = Counter()
	for site, number in counted.items():
		sites[keys.text(site)] += number
	return sites, exact


def _count_waiting(client: RqClient, counted: Counter[bytes], deadline: float) -> bool:
	for queue in client.queue_names():
		start = 0
		while True:
			if time.monotonic() > deadline:
				return False
			ids = client.ask([("LRANGE", keys.queue_key(queue), start, start + _CHUNK - 1)])[0]
			if isinstance(ids, Exception):
				return False
			counted.update(match[1] if (match := _SITE(job_id)) else b"" for job_id in ids)
			start += _CHUNK
			if len(ids) < _CHUNK:
				break
	return True


def ids_decide(query: JobQuery) -> bool:
	"""Whether ids alone say which jobs match: the query names a site, and nothing else but queues and statuses.

	Failed and stopped jobs share a registry, and only their hashes tell them apart: both, or neither.
	"""
	others = (query.job_id, query.method, query.user, query.text, query.created_after, query.created_before)
	return bool(query.site) and len({keys.FAILED, "stopped"} & {*query.statuses}) != 1 and not any(others)


def count_by_ids(client: RqClient, query: JobQuery, seconds: float) -> SearchResult:
	"""`matched` of a query that `ids_decide`, exact if the result is `complete`. A round trip for each 10,000 ids.

	Raises:
		InvalidQuery: Unknown queue.
		CouldNotAsk: Redis gave no answer.
	"""
	deadline = time.monotonic() + seconds
	sizes, _ = places.read_sizes(client, places.of_query(client, query))
	total = sum(sizes.values())
	marks = tuple(f"{query.site}{mark}".encode() for mark in keys.SITE_SEPARATORS)
	# A job that is enqueued anew under its old id stands in two places. The largest is read last: its ids are not kept
	ascending = sorted(sizes, key=lambda place: sizes[place])
	kept: set[bytes] = set()
	matched = looked_at = 0
	for place in ascending:
		for entries in _ids(client, place, sizes[place]):
			own = [job_id for job_id in entries if job_id.startswith(marks)]
			if kept:
				own = [job_id for job_id in own if job_id not in kept]
			matched += len(own)
			looked_at += len(entries)
			if place != ascending[-1]:
				kept.update(own)
			if time.monotonic() >= deadline or len(kept) > _KEPT:
				return _result(matched, looked_at, total)
	return _result(matched, total, total)


def _result(matched: int, looked_at: int, out_of: int) -> SearchResult:
	return SearchResult((), looked_at, out_of, "" if looked_at >= out_of else str(looked_at), matched=matched)


def _ids(client: RqClient, place: Place, size: int) -> Iterator[list[bytes]]:
	for offset in range(0, size, _CHUNK):
		answer = client.ask([places.window_command(place, size, offset, _CHUNK, newest=True)])[0]
		entries = answer if isinstance(answer, list) else []
		yield [_job_id(entry) for entry in entries] if place[0] == keys.STARTED else entries


def _job_id(entry: bytes) -> bytes:
	return keys.job_id_of(keys.text(entry), keys.STARTED).encode()
