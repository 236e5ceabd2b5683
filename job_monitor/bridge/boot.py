"""What Desk's scripts know from the start."""

from __future__ import annotations

from typing import Any

from job_monitor.bridge import context, permissions


def extend(bootinfo: Any) -> None:
	"""Adds `job_monitor`: queues by configuration, and whether the user may act. Asks neither Redis nor the database."""
	bootinfo.job_monitor = {
		"queues": context.queue_names(),
		"can_manage": permissions.can_manage(),
	}
