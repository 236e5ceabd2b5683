from __future__ import annotations

from job_monitor.core.alerts.kinds import KINDS
from job_monitor.core.findings import Severity


def test_a_monitor_that_cannot_ask_is_critical():
	assert KINDS["Could Not Ask"].severity is Severity.CRITICAL
