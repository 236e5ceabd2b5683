"""What the scheduler calls."""

from __future__ import annotations

from job_monitor.alerts import engine
from job_monitor.bridge.database import transactions
from job_monitor.bridge.site import release
from job_monitor.core import clock
from job_monitor.recorder import ingest, scheduled_runs

WATCHED_SECONDS = 90
"""`bench job-monitor watch` writes down runs and looks at the rules, too; where it did so just now, nobody else need."""


def sweep() -> None:
	"""Close what killed processes left open, write down the runs that ended, and look at the alert rules: each of them
	whatever became of the one before, even if RQ's time limit ended it. Nothing before the site is migrated.

	Raises:
		Exception: The first that one of them ran into, after the others.
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
	looked = engine.last()
	return looked.get("by") == "watch" and 0 <= (clock.now() - looked["at"]).total_seconds() < WATCHED_SECONDS


def _evaluate() -> None:
	engine.evaluate("scheduler")


def check_error_rate() -> None:
	"""Tell when there were more than 100 Error Logs in the last hour: the rule "Error Log Rate", by itself."""
	if release.is_migrated():
		engine.evaluate("scheduler", kinds=("Error Log Rate",))
