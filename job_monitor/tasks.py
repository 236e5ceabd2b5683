"""What the scheduler calls."""

from __future__ import annotations

import frappe
from rq.timeouts import BaseTimeoutException

from job_monitor.alerts import engine
from job_monitor.recorder import rollup, scheduled


def sweep() -> None:
	"""Close what killed processes left open, write down the runs that ended, and look at the alert rules.

	Raises:
		Exception: The first that one of them ran into, after the others.
	"""
	errors = []
	for part in (scheduled.close_killed_runs, rollup.write_down, _evaluate):
		try:
			part()
		except BaseTimeoutException:
			raise
		except Exception as error:
			frappe.db.rollback()
			errors.append(error)
	if errors:
		raise errors[0]


def _evaluate() -> None:
	engine.evaluate("scheduler")


def check_error_rate() -> None:
	"""Tell when there were more than 100 Error Logs in the last hour: the rule "Error Log Rate", by itself."""
	engine.evaluate("scheduler", kinds=("Error Log Rate",))
