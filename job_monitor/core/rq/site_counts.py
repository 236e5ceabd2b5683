"""Waiting jobs counted by site: one pass over the queues' ids, whatever the number of sites."""

from __future__ import annotations

import re
import time
from collections import Counter

from job_monitor.core import limits
from job_monitor.core.rq import keys
from job_monitor.core.rq.store import RqClient

_CHUNK = 10 * limits.CHUNK_ROWS
_SITE = re.compile(
	b"(.*?)(?:" + b"|".join(re.escape(mark.encode()) for mark in keys.SITE_SEPARATORS) + b")"
).match


def waiting_by_site(client: RqClient, seconds: float = limits.COUNT_SECONDS) -> tuple[Counter[str], bool]:
	"""Queued jobs of each site ("" for ids without one), and whether all were counted in the time allowed.

	About 400,000 ids a second; one round trip for 10,000 ids.

	Raises:
		CouldNotAsk: Redis gave no answer.
	"""
	deadline = time.monotonic() + seconds
	counted: Counter[bytes] = Counter()
	exact = _count(client, counted, deadline)
	sites: Counter[str] = Counter()
	for site, number in counted.items():
		sites[keys.text(site)] += number
	return sites, exact


def _count(client: RqClient, counted: Counter[bytes], deadline: float) -> bool:
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
