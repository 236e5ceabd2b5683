"""Queues of this bench in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import frappe

from job_monitor.bridge import context
from job_monitor.bridge.history import recent_runs
from job_monitor.core import clock
from job_monitor.core.rq import keys, workers
from job_monitor.core.rq.queues import read_queues
from job_monitor.core.rq.records import Queue, Worker


def get_queue_info() -> dict[str, Any]:
	"""All queues of this bench, also those that are configured and have no job yet.

	Returns:
		`{"queues": {name: {"queued", "started", "finished", "failed", "deferred", "scheduled", "canceled": jobs or None,
		"oldest_waiting": seconds or None, "workers": {"busy", "idle", "late", "dead", …: number},
		"last_hour": {"runs", "failed", "average_wait", "average_duration"} or None}}, "pending": jobs,
		"workers": number of those that are there}`. Jobs and workers are those of all sites of the bench. `last_hour` is of
		this site only: of its runs that are written down, in seconds; None if there was none or the app is not on this site.

	Raises:
		RedisUnavailable
	"""
	with context.frappe_errors():
		client = context.client()
		found = {queue.short_name: queue for queue in read_queues(client)}
		of_bench = workers.read_all(client)
	now = clock.now()
	names = dict.fromkeys([*context.queue_names(), *found])
	# Also called in Python on sites of the bench that have none of our tables
	past = recent_runs.by_queue() if "job_monitor" in frappe.get_installed_apps() else {}
	queues = {
		name: _queue_info(name, found.get(name), of_bench, now) | {"last_hour": past.get(name)}
		for name in names
	}
	return {
		"queues": queues,
		"pending": sum(queue["queued"] or 0 for queue in queues.values()),
		"workers": sum(not worker.is_dead for worker in of_bench),
	}


def _queue_info(name: str, queue: Queue | None, of_bench: Sequence[Worker], now: datetime) -> dict[str, Any]:
	serving = [w for w in of_bench if name in {keys.short_name(full) for full in w.queues}]
	# A count that could not be read is not 0
	counts = {status: queue.counts.get(status) if queue else 0 for status in keys.PLACES}
	oldest = queue.oldest_age(now) if queue else None
	states = Counter(worker.status for worker in serving)
	return {**counts, "oldest_waiting": oldest, "workers": dict(states)}
