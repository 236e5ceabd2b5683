"""The app's scheduled jobs, as `hooks.py` names them."""

from __future__ import annotations

from job_monitor.alerts import engine
from job_monitor.bridge.database import transactions
from job_monitor.bridge.site import release
from job_monitor.core import clock
from job_monitor.recorder import ingest, scheduled_runs

WATCHED_SECONDS = 90
"""How old the last evaluation of `bench job-monitor watch` may be for watch to count as alive. Watch ingests runs and
evaluates rules itself: while watch is alive, the sweep skips both."""


def sweep() -> None:
	"""Close runs of killed processes, ingest runs that ended, and evaluate the alert rules. Once a minute.

	Each is done even if another fails, or RQ's time limit ends it. Nothing is done before the site is migrated.

	Raises:
		Exception: The first error, after all are done.
	"""
	if not release.is_migrated():
		return
	errors = []
	parts = (scheduled_runs.close_killed_runs, *(() if _is_watched() else (ingest.ingest, _evaluate)))
	for part in parts:
		try:
			part()
		except Exception as error:
			errors.append(error)
			transactions.begin_anew()
	if errors:
		raise errors[0]


def _is_watched() -> bool:
	last = engine.last()
	return last.get("by") == "watch" and 0 <= (clock.now() - last["at"]).total_seconds() < WATCHED_SECONDS


def _evaluate() -> None:
	engine.evaluate("scheduler")


def check_error_rate() -> None:
	"""Evaluate the rule "Error Log Rate" by itself: more than 100 Error Logs in the last hour, unless it says otherwise."""
	if release.is_migrated():
		engine.evaluate("scheduler", kinds=("Error Log Rate",))
