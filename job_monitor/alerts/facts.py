"""What rules look at: each thing asked once an evaluation at most, and only if a rule needs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import frappe
from frappe.utils import add_to_date, background_jobs, get_sites

from job_monitor.bridge import history, schedules, session
from job_monitor.core import snapshot
from job_monitor.core.errors import JobMonitorError
from job_monitor.core.records import Snapshot
from job_monitor.core.schedules import ScheduleHealth

T = TypeVar("T")

REDIS, HISTORY, SCHEDULES = "Redis", "history", "schedules"


class CouldNotTell(Exception):
	"""A source gave no answer."""

	def __init__(self, source: str, text: str) -> None:
		super().__init__(text)
		self.source = source


class Facts:
	"""
	Args:
		now: In the site's time zone.
		last_evaluated_at: When the rules were looked at before this.
	"""

	def __init__(self, now: datetime, last_evaluated_at: datetime | None = None) -> None:
		self.now = now
		self.last_evaluated_at = last_evaluated_at
		self._answers: dict[Any, Any] = {}

	def _once(self, source: str, key: Any, ask: Callable[[], T]) -> T:
		"""
		Raises:
			CouldNotTell: Also when it is asked again: a Redis that is down is waited for once.
		"""
		if key not in self._answers:
			try:
				self._answers[key] = ask()
			except JobMonitorError as error:
				self._answers[key] = CouldNotTell(REDIS, str(error))
			except Exception as error:
				frappe.db.rollback()
				self._answers[key] = CouldNotTell(source, f"{type(error).__name__}: {error}")
		answer = self._answers[key]
		if isinstance(answer, CouldNotTell):
			raise answer
		return cast(T, answer)

	@property
	def snapshot(self) -> Snapshot:
		return self._once(REDIS, "snapshot", lambda: snapshot.take(session.connect(), zombie_seconds=0))

	@property
	def redis_memory(self) -> tuple[int, int]:
		"""Bytes used, and bytes there are; 0 if Redis does not say."""

		def ask() -> tuple[int, int]:
			answer = session.connect().ask([("INFO", "memory")])[0]
			if isinstance(answer, Exception):
				return 0, 0
			return answer["used_memory"], answer.get("maxmemory") or answer.get("total_system_memory", 0)

		return self._once(REDIS, "memory", ask)

	def outcomes(self, minutes: int) -> list[history.MethodCounts]:
		return self._once(HISTORY, ("outcomes", minutes), lambda: history.outcomes(minutes))

	@property
	def baselines(self) -> dict[str, history.Baseline]:
		return self._once(HISTORY, "baselines", history.baselines)

	def new_groups(self, minutes: int) -> list[dict[str, Any]]:
		since = self.now - timedelta(minutes=minutes)
		return self._once(HISTORY, ("groups", minutes), lambda: history.new_groups(since))

	def error_logs(self, minutes: int) -> int:
		since = add_to_date(self.now, minutes=-minutes)
		return self._once(
			HISTORY, ("errors", minutes), lambda: frappe.db.count("Error Log", {"creation": [">=", since]})
		)

	@property
	def schedules(self) -> list[ScheduleHealth]:
		return self._once(SCHEDULES, "schedules", schedules.read)

	@property
	def scheduler(self) -> schedules.SchedulerHealth:
		return self._once(SCHEDULES, "scheduler", lambda: schedules.scheduler(self.schedules))

	@property
	def enqueue_limit(self) -> int | None:
		"""Waiting jobs of one queue from which `frappe.enqueue` throws QueueOverloaded: Frappe 16's
		`utils/background_jobs.py`. None on Frappe 15, unless the bench has `max_queued_jobs`."""
		most = frappe.utils.cint(frappe.conf.max_queued_jobs) or getattr(
			background_jobs, "MAX_QUEUED_JOBS", 0
		)
		return self._once(HISTORY, "limit", lambda: most + 50 * len(get_sites())) if most else None

	@property
	def failed_limit(self) -> int:
		"""Failed jobs kept for each queue."""
		limit = frappe.utils.cint(frappe.conf.rq_failed_jobs_limit)
		return limit or getattr(background_jobs, "RQ_FAILED_JOBS_LIMIT", 1000)
