"""Jobs as a Python list whose length is counted and whose rows are read when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, overload

import frappe

from job_monitor.bridge import context
from job_monitor.bridge.lists.list_rows import Row
from job_monitor.bridge.markup import as_html
from job_monitor.bridge.rq.job_rows import row
from job_monitor.bridge.rq.jobs import SearchIncomplete, count_all
from job_monitor.core import clock, limits
from job_monitor.core.rq import keys
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.search import search


class JobList(Sequence[Row]):
	"""Jobs by site, queue and status, the newest first, as rows of RQ Job.

	`len()` counts all of them, exactly, in up to `limits.SEARCH_MAX_SECONDS`; `[0]` and slices from the front read no
	more rows than they need; iterating reads page by page.

	Args:
		site: Whole name; None for every site of the bench.

	Raises:
		RedisUnavailable
		SearchIncomplete: By `len()`, where there are too many to be counted in that time.
		frappe.ValidationError: Unknown queue or status.
	"""

	def __init__(self, site: str | None = None, queue: Any = None, status: Any = None) -> None:
		with context.frappe_errors():
			self._client = context.client()
			known = {keys.short_name(name) for name in self._client.queue_names()}
			self._query = JobQuery(
				queues=tuple(name for name in _names(queue) if _known(name, known)),
				statuses=_names(status),
				site=site or "",
				limit=limits.PAGE_ROWS,
			)
		self._length = 0 if _names(queue) and not self._query.queues else None

	def __len__(self) -> int:
		if self._length is None:
			with context.frappe_errors():
				self._length = self._count()
		return self._length

	def _count(self) -> int:
		if not self._query.needs_scan:
			return read_page(self._client, self._query.only(limit=1)).total
		counted = count_all(self._client, self._query, limits.SEARCH_MAX_SECONDS)
		if not counted.complete:
			message = frappe._("Only {0} of {1} jobs could be counted.").format(
				counted.looked_at, counted.out_of
			)
			frappe.throw(message, SearchIncomplete, frappe._("Too Many Jobs"))
		return counted.matched

	def __iter__(self) -> Iterator[Row]:
		return self._rows(limits.PAGE_ROWS)

	def _rows(self, first: int) -> Iterator[Row]:
		"""Rows, page by page; the first page has so many."""
		cursor, more, limit = "", self._length != 0, min(first, limits.PAGE_ROWS)
		while more:
			with context.frappe_errors():
				result = search(
					self._client, self._query.only(limit=limit), limits.SEARCH_MAX_SECONDS, cursor
				)
			now, limit = clock.now(), limits.PAGE_ROWS
			yield from (row(job, now) for job in result.rows)
			cursor = result.cursor
			more = bool(cursor)

	@overload
	def __getitem__(self, index: int) -> Row: ...
	@overload
	def __getitem__(self, index: slice) -> list[Row]: ...
	def __getitem__(self, index: int | slice) -> Row | list[Row]:
		ends = (index.start, index.stop) if isinstance(index, slice) else (index, index + 1)
		if any(end is not None and end < 0 for end in ends) or ends[1] is None:
			return list(self)[index]
		return list(islice(self._rows(max(1, ends[1])), ends[1]))[index]

	def __repr__(self) -> str:
		return f"<{len(self)} jobs>"


def _names(value: Any) -> tuple[str, ...]:
	if not value:
		return ()
	return (value,) if isinstance(value, str) else tuple(map(str, value))


def _known(name: str, known: set[str]) -> bool:
	"""Whether RQ knows a queue: it has ever had a job.

	Raises:
		frappe.ValidationError: The queue is not configured either.
	"""
	if name not in known and name not in context.queue_names():
		names = ", ".join(sorted({*known, *context.queue_names()}))
		frappe.throw(frappe._("Queue should be one of {0}").format(as_html(names, 1000)))
	return name in known
