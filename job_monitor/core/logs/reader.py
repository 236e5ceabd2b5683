"""Newest entries of a log, older ones, and those written next, at the same cost whatever its size.

One request reads little more than `limits.LOG_PAGE_BYTES`. A cursor is found again after rotation by renaming, by
copying, and after truncation (`log_cursor`). Logs are named, never given by path (`log_names`).
"""

from __future__ import annotations

from job_monitor.core import limits
from job_monitor.core.logs import catalog
from job_monitor.core.logs.follow import Follow
from job_monitor.core.logs.log_cursor import LogCursor
from job_monitor.core.logs.log_pages import ALL, GONE, LogFilter, LogPage
from job_monitor.core.logs.log_source import LogSource
from job_monitor.core.logs.tail import Tail


class Log(LogSource):
	"""One log of a bench, or of a site, in pages. See `LogSource`."""

	def tail(self, filters: LogFilter = ALL, cursor: str = "") -> LogPage:
		"""The newest entries, or those before a page's `older`; those in rotated files included.

		Raises:
			InvalidQuery: The cursor was not made here.
		"""
		place = LogCursor.read(cursor) if cursor else None
		paths = catalog.with_rotated(self.folder, self.log)
		first = place.find(self.folder, paths) if place else 0
		if first is None or not paths:
			note = catalog.why(self.log, FileNotFoundError()) if not paths else GONE
			return LogPage(self.log.name, newer=str(LogCursor(0, 0)), note=note)
		return Tail(self, filters).run(paths[first:], place)

	def follow(
		self, cursor: str, filters: LogFilter = ALL, settle: float = limits.LOG_SETTLE_SECONDS
	) -> LogPage:
		"""Entries written since a page's `newer`. The last one is left for the next page while it is younger than `settle` seconds.

		An entry that grew since it was shown is in the page again, under the same key.

		Raises:
			InvalidQuery: The cursor was not made here.
		"""
		place = LogCursor.read(cursor)
		paths = catalog.with_rotated(self.folder, self.log)
		first = place.find(self.folder, paths)
		if not paths:
			return LogPage(self.log.name, newer=cursor, note=catalog.why(self.log, FileNotFoundError()))
		lost = first is None and place.inode != 0
		following = Follow(self, filters, settle, place, GONE if lost else "")
		return following.run(paths[: (first or 0) + 1], None if first is None else place)
