"""Boot info: what Desk's scripts know when they start."""

from __future__ import annotations

from typing import Any

from job_monitor.bridge import context, permissions


def extend(bootinfo: Any) -> None:
	"""Add `job_monitor`: the configured queues, and whether the user may act. Neither Redis nor the database is asked."""
	bootinfo.job_monitor = {
		"queues": context.queue_names(),
		"can_manage": permissions.can_manage(),
	}
