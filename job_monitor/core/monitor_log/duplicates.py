"""Knows records of the monitor's log that are written more than once.

A flush writes what Redis holds and leaves the last record there (`frappe/monitor.py`), so that record is written again as
the first one of the site's next flush; every four minutes, for as long as the site has nothing new. Between two such
copies lies any number of records of other sites, but none of the same site: to remember each site's last record is
enough. A flush that was killed before it could trim writes all of its records again: for that, the newest records are
remembered, too.
"""

from __future__ import annotations

from collections import deque

from job_monitor.core import limits


class Copies:
	"""Remembers records by hash, so that memory does not depend on what is in them."""

	def __init__(self) -> None:
		self.recent: set[int] = set()
		self.order: deque[int] = deque()
		self.newer: dict[str, int] = {}
		"""The first record of each site in the pieces after this one."""
		self.first: dict[str, int] = {}
		self.last: dict[str, int] = {}

	def turn(self, forward: bool) -> None:
		"""A new piece begins, which follows the one before or precedes it."""
		if not forward:
			self.newer.update(self.first)
			self.first.clear()
			self.last.clear()
		for known in (self.newer, self.first, self.last):
			if len(known) > limits.LOG_SITES:
				known.clear()

	def seen(self, site: str, uuid: str, timestamp: str) -> bool:
		"""Whether this record was there before."""
		key = hash((site, uuid, timestamp))
		if key in self.recent or self.last.get(site) == key or self.newer.get(site) == key:
			self.last[site] = key
			return True
		self.last[site] = key
		if site not in self.first:
			self.first[site] = key
		self.recent.add(key)
		self.order.append(key)
		if len(self.order) > limits.LOG_DUPLICATES:
			self.recent.discard(self.order.popleft())
		return False
