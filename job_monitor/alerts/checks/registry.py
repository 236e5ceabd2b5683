"""The function that looks for each kind of rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from job_monitor.alerts.sources import Sources
from job_monitor.core.alerts.incidents import Incident, Sighting
from job_monitor.core.alerts.rules import Rule

Known = Mapping[str, Incident]
"""Open incidents of the rule, by subject."""

Check = Callable[[Rule, Sources, Known], Iterable[Sighting] | None]

CHECKS: dict[str, Check] = {}
"""Checks by the name of the kind. None as an answer: the check cannot say, and another rule reports why."""


def check(kind: str) -> Callable[[Check], Check]:
	"""Registers a function for a kind."""

	def note(function: Check) -> Check:
		CHECKS[kind] = function
		return function

	return note
