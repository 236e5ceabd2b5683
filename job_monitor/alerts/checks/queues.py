"""Queues, and the Redis that holds them."""

from __future__ import annotations

from collections.abc import Iterator

from frappe import _

from job_monitor.alerts.checks.registry import Known, check
from job_monitor.alerts.sources import Sources
from job_monitor.bridge.wording import translated
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.messages import worker_command
from job_monitor.core.rq import diagnosis, keys
from job_monitor.core.rq.records import Queue
from job_monitor.core.wording import listed
from job_monitor.notify.wording import counted, spoken


def _waiting(rule: Rule, sources: Sources) -> Iterator[tuple[Queue, int]]:
	"""Queues of the rule in which jobs wait, and how many."""
	for queue in sources.snapshot.queues:
		if rule.covers(queue=queue.short_name) and (waiting := queue.counts.get(keys.QUEUED, 0)):
			yield queue, waiting


def _jobs_wait(waiting: int, age: float | None) -> str:
	text = _("1 job waits, for {1}.") if waiting == 1 else _("{0} jobs wait, the oldest for {1}.")
	return text.format(f"{waiting:,}", spoken(age, _))


@check("Queue Age")
def queue_age(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Queues whose oldest job has waited too long."""
	for queue, waiting in _waiting(rule, sources):
		age = queue.oldest_age(sources.snapshot.taken_at)
		if age is not None and age > rule.threshold:
			serving = sources.snapshot.serving(queue)
			busy = sum(worker.state == "busy" for worker in serving)
			title = _("Queue {0}: the oldest job waits for {1}").format(queue.short_name, spoken(age, _))
			workers = counted(len(serving), _("1 worker"), _("{0} workers"))
			text = [_jobs_wait(waiting, age), _("{0} of {1} busy.").format(busy, workers)]
			yield Sighting(queue.short_name, title, " ".join(text), age)


@check("Queue Depth")
def queue_depth(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Queues that are nearly at the limit from which Frappe refuses jobs."""
	limit = sources.enqueue_limit
	for queue, waiting in _waiting(rule, sources) if limit else ():
		if 100 * waiting / limit >= rule.threshold:
			title = _("Queue {0} holds {1} of {2} jobs").format(
				queue.short_name, f"{waiting:,}", f"{limit:,}"
			)
			text = _("When it is full, frappe.enqueue throws QueueOverloaded.")
			yield Sighting(queue.short_name, title, text, 100 * waiting / limit)


@check("Stalled Queue")
def stalled_queue(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Queues with workers in which nothing starts or ends; all queues with jobs while workers are suspended."""
	for queue, waiting in _waiting(rule, sources):
		age = queue.oldest_age(sources.snapshot.taken_at)
		serving = sources.snapshot.serving(queue)
		stalled = age is not None and age >= rule.threshold and serving
		if sources.snapshot.suspended:
			title = _("Workers are suspended: queue {0} stands still").format(queue.short_name)
			yield Sighting(queue.short_name, title, _jobs_wait(waiting, age), age or 0.0)
		elif stalled and not diagnosis.moves(queue, sources.snapshot, rule.threshold):
			title = _("Queue {0} stands still").format(queue.short_name)
			jobs = sorted({i for worker in serving for i in worker.current_job_ids})
			text = _("For {0} nothing has started or ended. Its workers hold: {1}.").format(
				spoken(rule.threshold, _), translated(listed(jobs, 500)) or _("nothing")
			)
			yield Sighting(queue.short_name, title, f"{_jobs_wait(waiting, age)} {text}", age or 0.0)


@check("No Worker")
def no_worker(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Queues with jobs that no worker serves."""
	for queue, waiting in _waiting(rule, sources):
		if not sources.snapshot.serving(queue):
			title = _("No worker serves queue {0}").format(queue.short_name)
			start = _("Start one: {0}").format(worker_command(queue.short_name))
			age = queue.oldest_age(sources.snapshot.taken_at)
			yield Sighting(queue.short_name, title, f"{_jobs_wait(waiting, age)} {start}", waiting)


@check("Failed Registry")
def failed_registry(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Queues that are nearly at the limit from which Frappe drops failed jobs."""
	limit = sources.failed_limit
	for queue in sources.snapshot.queues:
		failed = queue.counts.get(keys.FAILED, 0)
		if rule.covers(queue=queue.short_name) and 100 * failed / limit >= rule.threshold:
			title = _("Queue {0} keeps {1} of {2} failed jobs").format(queue.short_name, failed, limit)
			text = _("At the limit Frappe drops new failures, not old ones. Job Failure has them all.")
			yield Sighting(queue.short_name, title, text, 100 * failed / limit)


@check("Redis Memory")
def redis_memory(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Redis, if it is nearly at its limit of memory."""
	used, limit = sources.redis_memory
	if limit and 100 * used / limit >= rule.threshold:
		title = _("Redis has used {0} of {1} MB").format(used >> 20, limit >> 20)
		text = _("At its limit it refuses new jobs, or drops keys.")
		yield Sighting("Redis", title, text, 100 * used / limit)
