"""Workers that died."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from frappe import _

from job_monitor.alerts.checks.registry import Known, check
from job_monitor.alerts.sources import Sources
from job_monitor.bridge.wording import translated
from job_monitor.core import clock
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.rq import keys
from job_monitor.core.rq.records import Worker


@check("Dead Worker")
def dead_worker(rule: Rule, sources: Sources, known: Known) -> Iterator[Sighting]:
	"""Dead workers that no new worker has replaced. RQ forgets them after some minutes, an alert after a day."""
	workers = sources.snapshot.workers
	lost = {w.name: _lost(w) for w in workers if w.is_dead and _covers(rule, w)}
	for name, incident in known.items():
		if name not in lost and sources.now - incident.began_at < timedelta(days=1):
			if not any(w.name == name for w in workers):
				lost[name] = Sighting(name, incident.title, incident.text, context=incident.context)
	replacements = Counter(
		{name: sum(_replaces(w, sighting) for w in workers) for name, sighting in lost.items()}
	)
	used: Counter[str] = Counter()
	for name, sighting in lost.items():
		queues = sighting.context.partition(" ")[0]
		if replacements[name] > used[queues]:
			used[queues] += 1
		else:
			yield sighting


def _covers(rule: Rule, worker: Worker) -> bool:
	return any(rule.covers(queue=keys.short_name(queue)) for queue in worker.queues)


def _queues(worker: Worker) -> str:
	return ",".join(sorted(worker.queues)) or "?"


def _lost(worker: Worker) -> Sighting:
	"""Sighting of a dead worker; its context holds the queues, and when it was last alive."""
	title = _("A worker died: {0}").format(worker.name)
	served = ", ".join(keys.short_name(queue) for queue in worker.queues) or _("unknown queues")
	job = _("It held job {0}.").format(", ".join(worker.current_job_ids)) if worker.current_job_ids else ""
	text = _("It served {0} on {1}: {2}. {3}").format(
		served, worker.hostname or "?", translated(worker.reason), job
	)
	beat = worker.last_heartbeat.isoformat() if worker.last_heartbeat else ""
	return Sighting(worker.name, title, text.strip(), context=f"{_queues(worker)} {beat}")


def _replaces(worker: Worker, lost: Sighting) -> bool:
	queues, _space, beat = lost.context.partition(" ")
	if worker.is_dead or worker.birth_date is None or _queues(worker) != queues:
		return False
	died_at = clock.parse(beat)
	return died_at is None or worker.birth_date > died_at
