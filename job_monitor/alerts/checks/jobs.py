"""Jobs that run too long, and zombies."""

from __future__ import annotations

from collections.abc import Iterator

from frappe import _

from job_monitor.alerts.checks.registry import Known, check
from job_monitor.alerts.sources import Sources
from job_monitor.bridge import context
from job_monitor.bridge.timezones import to_site
from job_monitor.core import clock, limits
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.rq import diagnosis, keys
from job_monitor.core.rq.records import Job
from job_monitor.notify.wording import counted, spoken


@check("Stuck Job")
def stuck_job(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Of this site's jobs, those among the 500 that started last."""
	for job in sources.snapshot.running:
		if job.status != keys.STARTED or not context.is_own(job):
			continue
		if rule.covers(keys.short_name(job.queue), job.method):
			runs = clock.seconds_between(job.started_at, sources.snapshot.taken_at)
			if sighting := _past_timeout(job, sources) or _unusual(rule, job, runs, sources):
				yield sighting


def _past_timeout(job: Job, sources: Sources) -> Sighting | None:
	over = diagnosis.overtime(job, sources.snapshot.taken_at)
	if over is None:
		return None
	title = _("{0} runs {1} past its timeout").format(job.method or job.id, spoken(over, _))
	return Sighting(job.id, title, _started(job), over)


def _unusual(rule: Rule, job: Job, runs: float | None, sources: Sources) -> Sighting | None:
	if runs is None or runs < limits.UNUSUAL_SECONDS:
		return None
	usual = sources.baselines.get(job.method)
	if usual is None or usual.samples < rule.minimum or runs <= rule.threshold * usual.p95:
		return None
	title = _("{0} runs for {1}").format(job.method or job.id, spoken(runs, _))
	known = counted(usual.samples, _("its only run"), _("95 % of its {0} runs"))
	text = _("In the last week {0} took less than {1}.").format(known, spoken(usual.p95, _))
	return Sighting(job.id, title, f"{text} {_started(job)}", runs / (usual.p95 or 1), warning_only=True)


def _started(job: Job) -> str:
	at = to_site(job.started_at)
	return _("Job {0}, since {1}, on worker {2}.").format(
		job.id, f"{at:%Y-%m-%d %H:%M:%S}" if at else "?", job.worker or "?"
	)


@check("Zombie Job")
def zombie_job(rule: Rule, sources: Sources, known: Known) -> Iterator[Sighting]:
	"""Of this site's jobs. Zombies that fire are read at each evaluation; the search for others takes seconds now and then."""
	for job in sources.zombies(known):
		if context.is_own(job) and rule.covers(keys.short_name(job.queue), job.method):
			age = clock.seconds_between(job.enqueued_at or job.created_at, clock.now())
			title = _("Zombie: {0} will never run").format(job.method or job.id)
			text = _("Job {0} says {1} for {2}, but stands in no queue and no registry.").format(
				job.id, job.status, spoken(age, _)
			)
			hint = _(
				"It may keep its schedule, or its like, from being queued. Remove it in the list of RQ Jobs."
			)
			yield Sighting(job.id, title, f"{text} {hint}", age or 0.0)
