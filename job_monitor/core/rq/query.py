"""A selection of jobs, as a value: bounded, checked at once, narrowed by making a new one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import keys
from job_monitor.core.wording import say

STATUSES = (*keys.PLACES, "stopped")
"""Statuses that can be asked for. Stopped jobs stand in the failed registry, so that asking takes a scan."""


COLUMNS = frozenset({"call", "arguments", "exception", "meta"})
"""Parts of a row that cost a read or a decode of their own; `call` is method, name and user."""


@dataclass(frozen=True)
class JobQuery:
	"""Filters, order and window of a list of jobs. All filters given must match.

	Attributes:
		queues: Short names (`default`) or full ones (`bench:default`); none means all.
		statuses: Of `STATUSES`; none means all. A page of `failed` includes stopped jobs (its rows
			say so), a search does not.
		site: The whole name; compared with the part of the id before the first separator.
		job_id, method, user: Part of the value, upper and lower case alike.
		text: Part of the redacted arguments or traceback, or of id or method, upper and lower case alike.
		created_after, created_before: Moments in UTC, inclusive.
		offset, limit: Rows to skip, rows to return (at most `limits.PAGE_ROWS`).
		newest_first: By the last change of status.
		columns: Of `COLUMNS`: what the rows are to hold besides what is cheap.

	Raises:
		InvalidQuery: On construction, with the field and what it may be.
	"""

	queues: tuple[str, ...] = ()
	statuses: tuple[str, ...] = ()
	site: str = ""
	job_id: str = ""
	method: str = ""
	user: str = ""
	text: str = ""
	created_after: datetime | None = None
	created_before: datetime | None = None
	offset: int = 0
	limit: int = 20
	newest_first: bool = True
	columns: frozenset[str] = COLUMNS

	def __post_init__(self) -> None:
		for status in self.statuses:
			if status not in STATUSES:
				raise InvalidQuery(say("status {0} is none of {1}", repr(status[:40]), ", ".join(STATUSES)))
		for name in ("site", "job_id", "method", "user", "text"):
			if len(getattr(self, name)) > limits.PATTERN_CHARS:
				raise InvalidQuery(say("{0} is longer than {1} characters", name, limits.PATTERN_CHARS))
		for name, low, high in (("limit", 1, limits.PAGE_ROWS), ("offset", 0, limits.OFFSET_ROWS)):
			if not low <= getattr(self, name) <= high:
				raise InvalidQuery(say("{0} must be from {1} to {2}", name, low, f"{high:,}"))
		for moment in (self.created_after, self.created_before):
			if moment is not None and moment.tzinfo is None:
				raise InvalidQuery(say("created_after and created_before need a time zone"))

	@property
	def needs_scan(self) -> bool:
		"""Whether jobs must be looked at one by one: RQ has no index for these filters."""
		fields = (self.site, self.job_id, self.method, self.user, self.text)
		return any(fields) or bool(self.created_after or self.created_before) or "stopped" in self.statuses

	@property
	def places(self) -> tuple[str, ...]:
		"""The lists and registries to read."""
		if not self.statuses:
			return keys.PLACES
		statuses = {keys.FAILED if status == "stopped" else status for status in self.statuses}
		return tuple(place for place in keys.PLACES if place in statuses)

	def only(self, **changes: Any) -> JobQuery:
		"""A new query with these fields changed."""
		return replace(self, **changes)
