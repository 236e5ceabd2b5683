"""Outcomes of runs, each worded once: reports, lists and forms read this table."""

from __future__ import annotations

from job_monitor.core.history.run_records import FAILED, KILLED, STOPPED, SUCCESS, TIMEOUT
from job_monitor.core.wording import say

OUTCOMES = {
	SUCCESS: say("Success"),
	FAILED: say("Failed"),
	TIMEOUT: say("Timed Out"),
	STOPPED: say("Stopped"),
	KILLED: say("Killed"),
}
"""Names of outcomes, as Desk shows them."""
