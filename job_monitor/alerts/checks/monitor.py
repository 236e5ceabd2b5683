"""The monitor itself."""

from __future__ import annotations

from collections.abc import Iterator

from frappe import _

from job_monitor.alerts.checks.registry import Known, check
from job_monitor.alerts.sources import Sources
from job_monitor.bridge.timezones import to_site
from job_monitor.core.alerts.incidents import Sighting
from job_monitor.core.alerts.rules import Rule
from job_monitor.notify.wording import spoken


@check("Evaluation Gap")
def evaluation_gap(rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""The time since the evaluation before this one, if it is too long."""
	before = sources.last_evaluated_at
	minutes = (sources.now - before).total_seconds() / 60 if before else 0.0
	if before and minutes > rule.threshold:
		title = _("Alerts were not looked at for {0}").format(spoken(minutes * 60, _))
		text = _("From {0} to {1}: whatever began and ended in between was not told.")
		first, last = to_site(before), to_site(sources.now)
		yield Sighting(
			"Alerts", title, text.format(f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}"), minutes
		)


@check("Lost Runs")
def lost_runs(_rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Runs that never reached the database."""
	if lost := sources.lost_runs():
		number, at = lost
		title = _("{0} runs of jobs were never written down").format(f"{number:,}")
		text = _("The last was found at {0}. Counts, rates and rules know nothing of them.")
		yield Sighting("History", title, text.format(f"{to_site(at):%Y-%m-%d %H:%M}"), number)


@check("Could Not Ask")
def could_not_ask(_rule: Rule, sources: Sources, _known: Known) -> Iterator[Sighting]:
	"""Sources that gave the other rules no answer."""
	for source, text in sources.problems.items():
		title = _("{0} could not be asked").format(source)
		hint = _("What the rules that need it would tell is unknown; what is open stays open.")
		yield Sighting(source, title, f"{text}\n{hint}")
