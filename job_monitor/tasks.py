"""What the scheduler calls."""

from __future__ import annotations

from job_monitor.recorder import rollup, scheduled


def sweep() -> None:
	"""Close what killed processes left open, and write down the runs that ended."""
	scheduled.close_killed_runs()
	rollup.write_down()
