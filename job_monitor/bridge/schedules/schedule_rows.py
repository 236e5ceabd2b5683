"""Schedules and the scheduler as Desk, reports and the API show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from job_monitor.bridge import context
from job_monitor.bridge.schedules import schedule_health, scheduler
from job_monitor.bridge.timezones import to_site
from job_monitor.bridge.wording import translated
from job_monitor.core import clock
from job_monitor.core.schedules import messages
from job_monitor.core.schedules.health import ScheduleHealth

_MOMENTS = ("last_run_at", "next_due_at", "enqueued_at")


def rows(names: Sequence[str] | None = None) -> list[dict[str, Any]]:
	"""Schedules as `schedule_health.read` finds them: messages in the user's language, moments in the site's time zone.

	Raises:
		RedisUnavailable
	"""
	with context.frappe_errors():
		return [_row(health) for health in schedule_health.read(names)]


def _row(health: ScheduleHealth) -> dict[str, Any]:
	moments = {name: to_site(getattr(health, name)) for name in _MOMENTS}
	due = health.next_due_at
	# A browser has neither the site's clock nor its zone
	due_in = (due - clock.now()).total_seconds() if due else None
	words = {name: translated(getattr(health, name)) for name in ("label", "message", "hint")}
	return {**vars(health), **moments, **words, "due_in": due_in}


def scheduler_row() -> dict[str, str]:
	"""The scheduler's `state`, its `label` and `detail`, see `scheduler.SchedulerHealth`.

	Raises:
		RedisUnavailable
	"""
	with context.frappe_errors():
		found = scheduler.health(schedule_health.read())
	label = messages.SCHEDULER_STATES[found.state]
	return {"state": found.state, "label": translated(label), "detail": translated(found.detail)}
