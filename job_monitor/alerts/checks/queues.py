"""Queues, and the Redis they stand on."""

from __future__ import annotations

from collections.abc import Iterator

from frappe import _

from job_monitor.alerts.checks.registry import Known, check
from job_monitor.alerts.sources import Facts
from job_monitor.bridge.wording import translated
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.messages import worker_command
from job_monitor.core.rq import diagnosis, keys
from job_monitor.core.rq.records import Queue
from job_monitor.core.wording import listed
from job_monitor.notify.wording import counted, spoken


def _waiting(rule: Rule, facts: Facts) -> Iterator[tuple[Queue, int]]:
	"""Queues of the rule in which jobs wait, and how many."""
	for queue in facts.snapshot.queues:
		if rule.covers(queue=queue.short_name) and (waiting := queue.counts.get(keys.QUEUED, 0)):
			yield queue, waiting


def _jobs_wait(waiting: int, age: float | None) -> str:
	one, many = _("1 job waits, for {1}."), _("{0} jobs wait, the oldest for {1}.")
	return (one if waiting == 1 else many).format(f"{waiting:,}", spoken(age, _))


@check("Queue Age")
def queue_age(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for queue, waiting in _waiting(rule, facts):
		age = queue.oldest_age(facts.snapshot.taken_at)
		if age is not None and age > rule.threshold:
			serving = facts.snapshot.serving(queue)
			busy = sum(worker.state == "busy" for worker in serving)
			title = _("Queue {0}: the oldest job waits for {1}").format(queue.short_name, spoken(age, _))
			workers = counted(len(serving), _("1 worker"), _("{0} workers"))
			text = [_jobs_wait(waiting, age), _("{0} of {1} busy.").format(busy, workers)]
			yield Sighting(queue.short_name, title, " ".join(text), age)


@check("Queue Depth")
def queue_depth(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	limit = facts.enqueue_limit
	for queue, waiting in _waiting(rule, facts) if limit else ():
		if 100 * waiting / limit >= rule.threshold:
			title = _("Queue {0} holds {1} of {2} jobs").format(
				queue.short_name, f"{waiting:,}", f"{limit:,}"
			)
			text = _("When it is full, frappe.enqueue throws QueueOverloaded.")
			yield Sighting(queue.short_name, title, text, 100 * waiting / limit)


@check("Stalled Queue")
def stalled_queue(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for queue, waiting in _waiting(rule, facts):
		age = queue.oldest_age(facts.snapshot.taken_at)
		serving = facts.snapshot.serving(queue)
		stalled = age is not None and age >= rule.threshold and serving
		if facts.snapshot.suspended:
			title = _("Workers are suspended: queue {0} stands still").format(queue.short_name)
			yield Sighting(queue.short_name, title, _jobs_wait(waiting, age), age or 0.0)
		elif stalled and not diagnosis.moves(queue, facts.snapshot, rule.threshold):
			title = _("Queue {0} stands still").format(queue.short_name)
			jobs = sorted({i for worker in serving for i in worker.current_job_ids})
			text = _("For {0} nothing has started or ended. Its workers hold: {1}.").format(
				spoken(rule.threshold, _), translated(listed(jobs, 500)) or _("nothing")
			)
			yield Sighting(queue.short_name, title, f"{_jobs_wait(waiting, age)} {text}", age or 0.0)


@check("No Worker")
def no_worker(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	for queue, waiting in _waiting(rule, facts):
		if not facts.snapshot.serving(queue):
			title = _("No worker serves queue {0}").format(queue.short_name)
			start = _("Start one: {0}").format(worker_command(queue.short_name))
			age = queue.oldest_age(facts.snapshot.taken_at)
			yield Sighting(queue.short_name, title, f"{_jobs_wait(waiting, age)} {start}", waiting)


@check("Failed Registry")
def failed_registry(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	limit = facts.failed_limit
	for queue in facts.snapshot.queues:
		failed = queue.counts.get(keys.FAILED, 0)
		if rule.covers(queue=queue.short_name) and 100 * failed / limit >= rule.threshold:
			title = _("Queue {0} keeps {1} of {2} failed jobs").format(queue.short_name, failed, limit)
			text = _("At the limit Frappe drops new failures, not old ones. Job Failure has them all.")
			yield Sighting(queue.short_name, title, text, 100 * failed / limit)


@check("Redis Memory")
def redis_memory(rule: Rule, facts: Facts, _known: Known) -> Iterator[Sighting]:
	used, most = facts.redis_memory
	if most and 100 * used / most >= rule.threshold:
		title = _("Redis has used {0} of {1} MB").format(used >> 20, most >> 20)
		text = _("At its limit it refuses new jobs, or drops keys.")
		yield Sighting("Redis", title, text, 100 * used / most)
