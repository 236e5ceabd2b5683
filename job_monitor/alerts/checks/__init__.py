"""What is over the threshold of a rule now: one function for each kind."""

from __future__ import annotations

from rq.timeouts import BaseTimeoutException

from job_monitor.alerts.checks import failures, jobs, monitor, queues, schedules, workers  # noqa: F401
from job_monitor.alerts.checks.registry import CHECKS, Known
from job_monitor.alerts.sources import CouldNotTell, Facts
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule


def look(rule: Rule, facts: Facts, known: Known) -> list[Sighting] | None:
	"""What a rule sees. None if it cannot say; what it could not ask is added to the facts' problems."""
	try:
		seen = CHECKS[rule.kind](rule, facts, known)
		return None if seen is None else list(seen)
	except CouldNotTell as error:
		facts.problems[error.source] = str(error)
	except BaseTimeoutException:
		raise
	except Exception as error:  # a bug of ours must not silence the other rules
		facts.problems[f"Rule {rule.name}"] = f"{type(error).__name__}: {error}"
	return None
