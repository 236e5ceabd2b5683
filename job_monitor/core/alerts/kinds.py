"""Kinds of alert rules: each with its units, its scope and its defaults."""

from __future__ import annotations

from dataclasses import dataclass

from job_monitor.core.findings import Severity
from job_monitor.core.wording import say

QUEUE, METHOD, SCHEDULE = "queue", "method", "schedule"


@dataclass(frozen=True)
class Kind:
	"""A kind of rule.

	Attributes:
		help: What fires it, in words.
		threshold, minimum, window_minutes: Defaults; None where the kind has no such number.
		unit: Of the threshold. `minimum_label`: what the minimum counts.
		scope: Which patterns narrow it: `QUEUE`, and `METHOD` or `SCHEDULE` for the subject.
		pending_period, repeat_interval: Defaults, in minutes and in hours, as the fields of Job Alert Rule.
		of_bench: Looks at what all sites of a bench share.
		counts_runs: Counts runs over the window.
		about_unknown: Looks at what the other rules could not ask, so after them; its message says unknown, not firing.
	"""

	name: str
	help: str
	threshold: float | None = None
	unit: str = ""
	minimum: int | None = None
	minimum_label: str = ""
	window_minutes: int | None = None
	scope: tuple[str, ...] = ()
	severity: Severity = Severity.WARNING
	pending_period: int = 0
	repeat_interval: int = 24
	notify_on_resolve: bool = True
	of_bench: bool = False
	counts_runs: bool = False
	about_unknown: bool = False


def _critical(
	name: str,
	help: str,
	threshold: float | None = None,
	unit: str = "",
	scope: tuple[str, ...] = (),
	pending_period: int = 0,
	of_bench: bool = False,
) -> Kind:
	return Kind(
		name,
		help,
		threshold,
		unit,
		scope=scope,
		severity=Severity.CRITICAL,
		pending_period=pending_period,
		repeat_interval=4,
		of_bench=of_bench,
	)


KINDS = {
	kind.name: kind
	for kind in (
		Kind(
			"Error Log Rate",
			say("More than so many Error Logs in the window."),
			threshold=100,
			unit=say("errors"),
			window_minutes=60,
		),
		Kind(
			"Failure Rate",
			say(
				"So much of a method's runs in the window failed, and at least so many did. Without a pattern also "
				"all methods together."
			),
			threshold=10,
			unit="%",
			minimum=5,
			minimum_label=say("Failures at least"),
			window_minutes=10,
			scope=(QUEUE, METHOD),
			counts_runs=True,
		),
		Kind(
			"Method Failures",
			say("One method failed so often in the window."),
			threshold=20,
			unit=say("failures"),
			window_minutes=60,
			scope=(QUEUE, METHOD),
			counts_runs=True,
		),
		Kind(
			"New Failure Group",
			say(
				"A failure nobody has seen before, or one that was resolved. Ends when the group is resolved or ignored, "
				"or with the window. More than 10 in an hour are one alert."
			),
			window_minutes=24 * 60,
			scope=(METHOD,),
			repeat_interval=0,
			notify_on_resolve=False,
		),
		Kind(
			"Queue Age",
			say("The oldest job of a queue has waited so long."),
			threshold=300,
			unit=say("seconds"),
			scope=(QUEUE,),
			pending_period=2,
			of_bench=True,
		),
		_critical(
			"Queue Depth",
			say(
				"A queue is so full, of what Frappe lets in: max_queued_jobs (500) and 50 for each site. Frappe 15 has no "
				"such limit unless max_queued_jobs is set; then the rule is quiet."
			),
			threshold=80,
			unit="%",
			scope=(QUEUE,),
			pending_period=1,
			of_bench=True,
		),
		_critical(
			"Stalled Queue",
			say("Jobs wait in a queue that has workers, and for so long nothing of it has started or ended."),
			threshold=300,
			unit=say("seconds"),
			scope=(QUEUE,),
			of_bench=True,
		),
		_critical(
			"No Worker",
			say("Jobs wait in a queue that no worker serves."),
			scope=(QUEUE,),
			pending_period=2,
			of_bench=True,
		),
		_critical(
			"Dead Worker",
			say("A worker died, and none has taken its place. Ends when one does, or after a day."),
			scope=(QUEUE,),
			of_bench=True,
		),
		Kind(
			"Stuck Job",
			say(
				"A job runs past its timeout, or so many times as long as 95 % of its method's runs did (and a minute), "
				"of which at least so many are known."
			),
			threshold=3,
			unit="× p95",
			minimum=20,
			minimum_label=say("Known runs at least"),
			scope=(QUEUE, METHOD),
			pending_period=1,
		),
		Kind(
			"Zombie Job",
			say(
				"A job says it waits or runs, but stands in no queue and no registry: nothing will ever run it. Looked for "
				"every 15 minutes, for at most 5 seconds."
			),
			scope=(QUEUE, METHOD),
		),
		Kind(
			"Missed Schedule",
			say("A scheduled job was not started when it was due, so many times."),
			threshold=1,
			unit=say("runs"),
			scope=(SCHEDULE,),
			pending_period=1,
		),
		Kind(
			"Failing Schedule",
			say("A scheduled job failed so often in a row."),
			threshold=1,
			unit=say("runs"),
			scope=(SCHEDULE,),
		),
		_critical(
			"Blocked Schedule",
			say("A scheduled job is not started because a dead job has its id."),
			scope=(SCHEDULE,),
			pending_period=1,
		),
		_critical(
			"Scheduler",
			say("The scheduler is absent, disabled or paused; a warning if the site is dormant."),
			pending_period=5,
		),
		_critical(
			"Redis Memory",
			say(
				"The Redis of the queues has used so much of its maxmemory, or of the host's memory if it has none."
			),
			threshold=85,
			unit="%",
			pending_period=2,
			of_bench=True,
		),
		Kind(
			"Failed Registry",
			say(
				"A queue keeps so much of the failed jobs that it may (rq_failed_jobs_limit). At the limit Frappe drops "
				"new failures."
			),
			threshold=95,
			unit="%",
			scope=(QUEUE,),
			of_bench=True,
		),
		Kind(
			"Could Not Ask",
			say("Redis, the history or a rule could not be asked: what they would tell is unknown."),
			severity=Severity.CRITICAL,
			pending_period=2,
			repeat_interval=4,
			about_unknown=True,
		),
		Kind(
			"Lost Runs",
			say(
				"Runs of jobs were never written down: too many waited, Redis could not be told, or one could not be read. "
				"Ends after a day without."
			),
			notify_on_resolve=False,
		),
		Kind(
			"Evaluation Gap",
			say("The rules were not looked at for so long."),
			threshold=15,
			unit=say("minutes"),
			notify_on_resolve=False,
			repeat_interval=0,
		),
	)
}

DEFAULTS: tuple[tuple[str, str, dict[str, str | float]], ...] = (
	*((name, name, {}) for name in KINDS if name != "Queue Age"),
	("Queue Age: short", "Queue Age", {"queue": "short", "threshold": 60}),
	("Queue Age: default", "Queue Age", {"queue": "default", "threshold": 300}),
	("Queue Age", "Queue Age", {"threshold": 900}),
)
"""Rules that come with the app: name, kind, and what differs from the kind's own defaults."""
