"""Records of the monitor's log that are written more than once.

A flush writes what Redis holds and leaves the last record there (`frappe/monitor.py`), so that record is written again as
the first one of the site's next flush; every four minutes, for as long as the site has nothing new. Between two such
copies lies any number of records of other sites, but none of the same site, so the last record of each site is kept.
A flush that was killed before it could trim writes all of its records again, so the newest records are kept, too.
"""

from __future__ import annotations

from collections import deque

from job_monitor.core import limits


class Duplicates:
	"""Recognises records that were counted before. They are kept by hash, so that memory does not depend on their length."""

	def __init__(self) -> None:
		self.recent: set[int] = set()
		self.order: deque[int] = deque()
		self.newer: dict[str, int] = {}
		"""The first record of each site in the pieces after this one."""
		self.first: dict[str, int] = {}
		self.last: dict[str, int] = {}

	def turn(self, forward: bool) -> None:
		"""Begin a new piece, which follows the piece before or precedes it."""
		if not forward:
			self.newer.update(self.first)
			self.first.clear()
			self.last.clear()
		for known in (self.newer, self.first, self.last):
			if len(known) > limits.LOG_SITES:
				known.clear()

	def seen(self, site: str, uuid: str, timestamp: str) -> bool:
		"""Whether this record was seen before; it is seen from now on."""
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
