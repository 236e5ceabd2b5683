"""Schedules and the scheduler."""

from __future__ import annotations

from collections.abc import Iterator

import frappe
from frappe import _

from job_monitor.alerts.checks.registry import Known, check
from job_monitor.alerts.sources import Sources
from job_monitor.bridge.wording import translated
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.findings import Severity
from job_monitor.core.schedules.findings import all_ahead, is_ahead
from job_monitor.core.schedules.health import ScheduleHealth
from job_monitor.core.schedules.messages import of_scheduler
from job_monitor.notify.wording import counted


@check("Missed Schedule")
def missed_schedule(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting] | None:
	"""Schedules that were not started when due; those in the future are one sighting. None while the scheduler stands."""
	if not sources.scheduler.runs:
		return None
	return _missed(rule, sources)


def _missed(rule: Rule, sources: Sources) -> Iterator[Sighting]:
	missed = list(_schedules(rule, sources, "missed"))
	ahead = all_ahead(missed)
	if ahead:
		title = _("{0} schedules lie in the future and do not run").format(sum(map(is_ahead, missed)))
		text = f"{translated(ahead.message)}\n{translated(ahead.hint)}"
		yield Sighting(ahead.subject, title, text, warning_only=ahead.severity is Severity.WARNING)
	for schedule in missed:
		if ahead and is_ahead(schedule):
			continue
		runs = schedule.missed_runs
		if runs >= rule.threshold or not runs:  # none where there is no time at which it should run
			what = _("Run missed") if runs < 2 else _("{0} runs missed").format(runs)
			yield _of_schedule(schedule, f"{what}: {schedule.method}", runs)


@check("Failing Schedule")
def failing_schedule(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Schedules that failed too often in a row."""
	for schedule in _schedules(rule, sources, "failing"):
		if schedule.failures >= rule.threshold:
			what = counted(schedule.failures, _("Scheduled run failed"), _("Failed {0} times in a row"))
			yield _of_schedule(schedule, f"{what}: {schedule.method}", schedule.failures)


def _schedules(rule: Rule, sources: Sources, state: str) -> Iterator[ScheduleHealth]:
	for schedule in sources.schedules:
		if schedule.state == state and (
			rule.covers(subject=schedule.name) or rule.covers(subject=schedule.method)
		):
			yield schedule


def _of_schedule(schedule: ScheduleHealth, title: str, value: float = 0.0) -> Sighting:
	text = f"{translated(schedule.message)}\n{translated(schedule.hint)}"
	return Sighting(schedule.name, title, text.strip(), value)


@check("Blocked Schedule")
def blocked_schedule(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Schedules that a dead job with their id blocks."""
	for schedule in _schedules(rule, sources, "blocked"):
		yield _of_schedule(schedule, _("Blocked by a dead job: {0}").format(schedule.method))


@check("Scheduler")
def scheduler(_rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""The scheduler, if it does not run."""
	found = sources.scheduler
	if not found.runs:
		title = translated(of_scheduler(found.state, frappe.local.site)[0])
		yield Sighting("Scheduler", title, translated(found.detail), warning_only=found.state == "dormant")
