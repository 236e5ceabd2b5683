"""Errors and failed runs."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from frappe import _

from job_monitor.alerts.checks.registry import Known, check
from job_monitor.alerts.sources import Sources
from job_monitor.bridge.history.failure_groups import NEW_GROUPS, NewGroup
from job_monitor.core import limits
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule
from job_monitor.core.history.metrics import Counts
from job_monitor.core.history.run_records import BAD
from job_monitor.notify.wording import counted, last

ALL_METHODS = "all methods"
"""Subject of a rate over all methods: the same in each language, as an alert is found again by it."""

QUIET = timedelta(hours=1)
"""New failures within an hour of one another are one flood, which ends an hour after the last."""

MANY = "(many)"
"""Subject of the incident that stands for a flood: new failures beyond those that have an alert of their own."""


@check("Error Log Rate")
def error_log_rate(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Error Logs of the window, if there are more than the threshold."""
	errors = sources.error_logs(rule.window_minutes)
	if errors > rule.threshold:
		singular, plural = _("1 error in {1}"), _("{0} errors in {1}")
		title = (singular if errors == 1 else plural).format(errors, last(rule.window_minutes, _))
		text = _("The Error Log may have {0}.").format(f"{rule.threshold:g}")
		yield Sighting("Error Log", title, text, errors)


@check("Failure Rate")
def failure_rate(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Methods of which too large a part of the runs failed; else all methods together."""
	queues = _queues(rule, sources)
	bad = _bad(rule, queues)
	found = [
		sighting
		for method, number in bad.items()
		if (sighting := _rate(rule, method, number, queues)) is not None
	]
	if not found and rule.subject == "*":  # many methods that each fail a little
		total = _rate(rule, None, bad.total(), queues)
		found = [total] if total else []
	yield from found


def _queues(rule: Rule, sources: Sources) -> list[Counts]:
	outcomes = sources.outcomes(rule.window_minutes)
	return [counts for queue, counts in outcomes.items() if rule.covers(queue=queue)]


def _bad(rule: Rule, queues: Sequence[Counts]) -> Counter[str]:
	"""Failed runs by method."""
	bad: Counter[str] = Counter()
	for counts in queues:
		for outcome in BAD:
			for method, number in counts[outcome].items():
				if rule.covers(subject=method):
					bad[method] += number
	return bad


def _rate(rule: Rule, method: str | None, bad: int, queues: Sequence[Counts]) -> Sighting | None:
	"""The failure rate of one method, or of all methods together, if it is too high."""
	if bad < max(1, rule.minimum):
		return None
	total = sum(counts.total(method) for counts in queues)
	if 100 * bad / total < rule.threshold:
		return None
	subject, named = method or ALL_METHODS, method or _("all methods")
	title = _("{1} of {2} failed: {0}").format(named, bad, counted(total, _("1 run"), _("{0} runs")))
	return Sighting(subject, title, _window(rule), 100 * bad / total)


def _window(rule: Rule) -> str:
	return _("In {0}.").format(last(rule.window_minutes, _))


@check("Method Failures")
def method_failures(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Methods that failed too often."""
	for method, bad in _bad(rule, _queues(rule, sources)).items():
		if bad >= max(1, rule.threshold):
			title = counted(bad, _("Failed once"), _("Failed {0} times"))
			yield Sighting(method, f"{title}: {method}", _window(rule), bad)


@check("New Failure Group")
def new_failure_group(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""New groups of failures, each by itself, and a flood of them as one."""
	groups = sources.new_groups(rule.window_minutes)
	# What came in the hour before the oldest that was read is not known
	known_from = groups[-1].at + QUIET if len(groups) >= NEW_GROUPS else None
	single, flood = _apart([group for group in groups if rule.covers(subject=group.method)], known_from)
	for group in single:
		if group.state == "Open":
			title = _("{0} fails again: {1}") if group.again else _("New failure of {0}: {1}")
			times = counted(group.occurrences, _("Once so far."), _("{0} times so far."))
			text = f"{times} {_('See Job Failure Group {0}.').format(group.name)}"
			yield Sighting(group.name, title.format(group.method, group.title), text, group.occurrences)
	late = [group for group in flood if group.at > sources.now - QUIET]
	if late:
		yield _many(late)


def _apart(groups: Sequence[NewGroup], known_from: datetime | None) -> tuple[list[NewGroup], list[NewGroup]]:
	"""New groups with an alert each, and those of a flood: so many had come within the hour before.

	It depends on the groups alone, so a group never moves from one list to the other, and is sent once.
	"""
	ordered = sorted(groups, key=lambda group: (group.at, group.name))
	times = [group.at for group in ordered]
	single, flood = [], []
	for position, group in enumerate(ordered):
		before = position - bisect_left(times, group.at - QUIET)
		many = before >= limits.NEW_FAILURES_AN_HOUR or (known_from is not None and group.at < known_from)
		(flood if many else single).append(group)
	return single, flood


def _many(flood: Sequence[NewGroup]) -> Sighting:
	number = len(flood)
	methods = sorted({group.method for group in flood})
	title = _("Many new failures: {0} more in the last hour").format(f"{number:,}")
	names = ", ".join(methods[:10]) + (", …" if len(methods) > 10 else "")
	text = _("Of {0}. They are not told one by one; see the list of Job Failure Groups.").format(names)
	return Sighting(MANY, title, text, number)
