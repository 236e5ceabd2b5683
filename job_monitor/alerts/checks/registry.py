"""Which function looks for which kind of rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from job_monitor.alerts.sources import Facts
from job_monitor.core.alerts.incidents import Incident, Sighting
from job_monitor.core.alerts.rules import Rule

Known = Mapping[str, Incident]
"""Open incidents of the rule, by subject."""

Check = Callable[[Rule, Facts, Known], Iterable[Sighting] | None]

CHECKS: dict[str, Check] = {}
"""By the name of the kind. None as an answer: cannot be said, and why is told elsewhere."""


def check(kind: str) -> Callable[[Check], Check]:
	def note(function: Check) -> Check:
		CHECKS[kind] = function
		return function

	return note
