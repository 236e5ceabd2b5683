"""What the scheduler calls."""

from __future__ import annotations

from job_monitor.recorder import scheduled


def sweep() -> None:
	"""Close what killed processes left open."""
	scheduled.close_killed_runs()
