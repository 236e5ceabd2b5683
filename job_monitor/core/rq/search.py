"""Time-boxed search: RQ has no index, so jobs are looked at one by one, in order, until the time is up.

Cost per 1,000 jobs: one round trip where the id decides (site, job id), two more where the hash does
(created, stopped), and payloads only where they do (method, user, text); see `matching` for large ones.
"""

from __future__ import annotations

import time

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import cursor as cursors
from job_monitor.core.rq import places
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.matching import Matcher
from job_monitor.core.rq.merge import Merge
from job_monitor.core.rq.places import Entry
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import SearchResult
from job_monitor.core.wording import say

_SMALLEST_CHUNK = 50


def search(
	client: RqClient, query: JobQuery, seconds: float = limits.SEARCH_SECONDS, cursor: str = ""
) -> SearchResult:
	"""Look for jobs that match, for about `seconds`, at most until `query.limit` after `query.offset` are found.

	Rows come in the order of `read_page`, over all queues and statuses. With a cursor, the search goes on where it
	stopped; see `cursor` for what that means while jobs come and go.

	Args:
		seconds: Time budget, up to `limits.SEARCH_MAX_SECONDS`.
		cursor: Of the result before, with the same query. The offset then counts from there.

	Raises:
		InvalidQuery: Bad cursor or budget, unknown queue.
		CouldNotAsk: Redis gave no answer.
	"""
	scan = _Scan(client, query, seconds, cursor)
	found = scan.run(query.offset + query.limit)
	refs = [(entry.place[0], entry.job_id) for entry in found[query.offset :]]
	rows = read_rows(client, refs, query.columns)
	return SearchResult(tuple(rows), scan.looked_at, scan.out_of, scan.cursor, unread=scan.match.unread)


def count(
	client: RqClient, query: JobQuery, limit: int, seconds: float = limits.SEARCH_SECONDS
) -> SearchResult:
	"""How many jobs match, without reading them: `matched`, up to `limit`. Exact if the result is `complete`.

	Raises:
		InvalidQuery: Bad budget, unknown queue.
		CouldNotAsk: Redis gave no answer.
	"""
	scan = _Scan(client, query, seconds, "", ordered=False)
	found = scan.run(limit)
	return SearchResult(
		(), scan.looked_at, scan.out_of, scan.cursor, matched=len(found), unread=scan.match.unread
	)


class _Scan:
	def __init__(
		self, client: RqClient, query: JobQuery, seconds: float, cursor: str, ordered: bool = True
	) -> None:
		if not 0 < seconds <= limits.SEARCH_MAX_SECONDS:
			raise InvalidQuery(
				say("a search may take from 0 to {0} seconds", round(limits.SEARCH_MAX_SECONDS))
			)
		self.started = time.monotonic()
		self.seconds = seconds
		self.query = query
		start = cursors.read(cursor, query) if cursor else None
		sizes, _ = places.read_sizes(client, places.of_query(client, query))
		self.match = Matcher(client, query)
		keep = self.match.by_id if query.site or query.job_id else None
		filled = {place: size for place, size in sizes.items() if size}
		deadline = self.started + seconds
		self.merge = Merge(client, filled, query.newest_first, ordered, keep, start, deadline)
		self.out_of = sum(filled.values())
		self.looked_at = 0
		self.cursor = ""

	def run(self, limit: int) -> list[Entry]:
		"""The first `most` matches, or those that the time allows."""
		found: dict[str, Entry] = {}
		unused: list[Entry] = []
		seen = 0
		while len(found) < limit and not (seen and self._over()):
			size = self._chunk_size(seen)
			# Where most will match (`merge` has judged the ids already), take no more than are wanted
			chunk = self.merge.next(size if self.match.is_selective else min(size, limit - len(found)))
			if not chunk:
				break
			matched, looked = self.match.first(chunk, limit - len(found))
			# A job that runs anew under its old id still stands in the registry of its last end
			for entry in matched:
				found.setdefault(entry.job_id, entry)
			seen += looked
			unused = chunk[looked:]
		stopped, self.looked_at = self.merge.stop(unused)
		self.cursor = cursors.write(stopped, self.query) if self.looked_at < self.out_of else ""
		return list(found.values())

	def _over(self) -> bool:
		return self.merge.out_of_time or time.monotonic() - self.started >= self.seconds

	def _chunk_size(self, seen: int) -> int:
		"""As many jobs as the time left allows at the speed seen so far, so that the budget is kept."""
		spent = time.monotonic() - self.started
		if not seen:
			return _SMALLEST_CHUNK * 4
		return max(_SMALLEST_CHUNK, min(limits.CHUNK_ROWS, int(seen / spent * (self.seconds - spent))))
