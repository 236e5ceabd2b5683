"""Findings about the schedules of a site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from job_monitor.core import limits
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.schedules import messages
from job_monitor.core.schedules.health import STATES, ScheduleHealth
from job_monitor.core.wording import say

_CODES = {"blocked": "blocked-schedule", "missed": "missed-schedule", "failing": "failing-schedule"}


def worst_first(healths: Sequence[ScheduleHealth]) -> list[ScheduleHealth]:
	"""Schedules by state, worst first; in a state the longest overdue first, then by method."""
	return sorted(healths, key=lambda h: (STATES.index(h.state), -h.overdue_seconds, h.method))


def is_ahead(health: ScheduleHealth) -> bool:
	"""Whether a schedule is missed because its last run, or its creation, lies in the future."""
	return health.state == "missed" and health.ahead_seconds > 0


def all_ahead(healths: Sequence[ScheduleHealth]) -> Finding | None:
	"""The finding about all schedules that lie in the future; None for a single one, which has a finding of its own."""
	those = sorted(filter(is_ahead, healths), key=lambda h: -h.ahead_seconds)
	if len(those) < 2:
		return None
	longest = those[0].ahead_seconds
	# Two time zones are at most 26 hours apart: a new site, whose schedules were created before its zone was set
	severity = Severity.WARNING if longest <= 26 * 3600 else Severity.CRITICAL
	texts = messages.all_ahead([h.method for h in those], longest)
	values = {"methods": [h.method for h in those], "ahead_seconds": longest}
	return Finding("schedules-ahead", severity, messages.SCHEDULES, *texts, values)


def findings(healths: Sequence[ScheduleHealth]) -> Iterator[Finding]:
	"""What is wrong with a site's schedules. Of many in one state the first `limits.SCHEDULES_NAMED` have a finding each."""
	ahead = all_ahead(healths)
	if ahead:
		yield ahead
	for state, code in _CODES.items():
		those = [h for h in worst_first(healths) if h.state == state and not (ahead and is_ahead(h))]
		severity = Severity.WARNING if state == "failing" else Severity.CRITICAL
		for health in those[: limits.SCHEDULES_NAMED]:
			message = say("{0}: {1}", health.method, health.message)
			yield Finding(code, severity, health.name, message, health.hint, _values(health))
		if rest := those[limits.SCHEDULES_NAMED :]:
			methods = [h.method for h in rest]
			texts = messages.more(state, methods)
			yield Finding(code, severity, messages.SCHEDULES, *texts, {"methods": methods})


def _values(health: ScheduleHealth) -> dict[str, object]:
	names = ("method", "overdue_seconds", "missed_runs", "failures", "ahead_seconds", "blocked_by")
	return {name: getattr(health, name) for name in names}
