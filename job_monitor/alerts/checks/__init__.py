"""What is over the threshold of a rule now: one function for each kind."""

from __future__ import annotations

from rq.timeouts import BaseTimeoutException

from job_monitor.alerts.checks import failures, jobs, monitor, queues, schedules, workers  # noqa: F401
from job_monitor.alerts.checks.registry import CHECKS, Known
from job_monitor.alerts.sources import NoAnswer, Sources
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule


def look(rule: Rule, sources: Sources, known: Known) -> list[Sighting] | None:
	"""What a rule sees. None if a source gave no answer, which is added to the sources' problems."""
	try:
		seen = CHECKS[rule.kind](rule, sources, known)
		return None if seen is None else list(seen)
	except NoAnswer as error:
		sources.problems[error.source] = str(error)
	except BaseTimeoutException:
		raise
	except Exception as error:  # a bug of ours must not silence the other rules
		sources.problems[f"Rule {rule.name}"] = f"{type(error).__name__}: {error}"
	return None
