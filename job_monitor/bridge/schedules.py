"""Provisional; replaced by the real one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ScheduleHealth:
	name: str
	method: str = ""
	frequency: str = ""
	state: str = "ok"
	last_run_at: datetime | None = None
	missed_runs: int = 0
	failures_in_a_row: int = 0
	blocked_by: str = ""


@dataclass(frozen=True)
class SchedulerHealth:
	state: str
	detail: str = ""
	last_tick_at: datetime | None = None


def read() -> list[ScheduleHealth]:
	return []


def scheduler() -> SchedulerHealth:
	return SchedulerHealth("running")
