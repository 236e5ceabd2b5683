"""Reads one page of jobs by status and queue, without looking at jobs that are not on it."""

from __future__ import annotations

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import places
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.keys import JobRef
from job_monitor.core.rq.merge import Merge
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import Page
from job_monitor.core.wording import say


def read_page(client: RqClient, query: JobQuery) -> Page:
	"""One page of jobs by status and queue, with the exact count. Five round trips, whatever the depth.

	Order of one queue or registry is RQ's own, which is by last change of status. Several are merged by it.

	Raises:
		InvalidQuery: The query needs a scan (see `search`), or an unknown queue.
	"""
	if query.needs_scan:
		raise InvalidQuery(say("these filters need a search"))
	sizes, note = places.read_sizes(client, places.of_query(client, query))
	filled = [place for place in sizes if sizes[place]]
	if len(filled) == 1:
		place = filled[0]
		window = places.read_window(
			client, place, sizes[place], query.offset, query.limit, query.newest_first
		)
		refs = [(place[0], job_id) for job_id in window]
	elif query.offset > limits.MERGED_OFFSET_ROWS:
		raise InvalidQuery(
			say(
				"offset is over {0}: choose one status and one queue to go deeper",
				f"{limits.MERGED_OFFSET_ROWS:,}",
			)
		)
	else:
		merge = Merge(client, {place: sizes[place] for place in filled}, query.newest_first)
		refs = _unique(merge, query.offset + query.limit)[query.offset :]
	return Page(tuple(read_rows(client, refs, query.columns)), sum(sizes.values()), note)


def _unique(merge: Merge, count: int) -> list[JobRef]:
	"""The next jobs, each once: a job that runs anew still stands in the registry of its last end."""
	statuses: dict[str, str] = {}
	while len(statuses) < count and (entries := merge.next(count - len(statuses))):
		for entry in entries:
			statuses.setdefault(entry.job_id, entry.place[0])
	return [(status, job_id) for job_id, status in statuses.items()]
