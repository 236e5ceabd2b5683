"""Reads what `diagnosis` judges."""

from __future__ import annotations

from job_monitor.core import clock, limits
from job_monitor.core.rq import keys, workers, zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.queues import read_queues, with_last_end
from job_monitor.core.rq.records import Snapshot, Zombies


def take(client: RqClient, zombie_seconds: float = limits.ZOMBIE_SECONDS) -> Snapshot:
	"""Queues, workers, running jobs (the 500 that started last) and, for about `zombie_seconds`, zombies.

	About eleven round trips, and those of the hunt for zombies; 0 seconds leave it out.

	Raises:
		CouldNotAsk: Redis gave no answer.
	"""
	queues = with_last_end(client, read_queues(client))
	running = read_page(client, JobQuery(statuses=(keys.STARTED,), limit=limits.PAGE_ROWS)).rows
	suspended = client.ask([("EXISTS", keys.SUSPENDED)])[0]
	return Snapshot(
		taken_at=clock.now(),
		queues=tuple(queues),
		workers=tuple(workers.read_all(client)),
		running=running,
		zombies=zombies.find(client, zombie_seconds) if zombie_seconds > 0 else Zombies(complete=False),
		suspended=suspended == 1,
		configured=client.configured,
	)
