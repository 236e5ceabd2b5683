"""What rules look at. Each source is read at most once an evaluation, and only if a rule needs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import frappe
from frappe.utils import background_jobs, get_sites
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge import context
from job_monitor.bridge.history import baselines, failure_groups, recent_runs, recorder_progress
from job_monitor.bridge.schedules import schedule_health, scheduler
from job_monitor.bridge.site import state
from job_monitor.bridge.timezones import to_site
from job_monitor.bridge.wording import translated
from job_monitor.core import limits
from job_monitor.core.errors import CouldNotAsk, JobMonitorError
from job_monitor.core.history.metrics import Counts
from job_monitor.core.rq import keys, snapshot, zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_rows
from job_monitor.core.rq.records import Job, Snapshot
from job_monitor.core.schedules.health import ScheduleHealth

T = TypeVar("T")

REDIS, HISTORY, SCHEDULES, SITES = "Redis", "history", "schedules", "sites"
"""Names of sources, as Could Not Ask shows them."""

ZOMBIES = "zombies"
"""Key of the zombies that the last search found."""


class NoAnswer(Exception):
	"""A source gave no answer."""

	def __init__(self, source: str, text: str) -> None:
		super().__init__(text)
		self.source = source


class Sources:
	"""Answers of the sources for one evaluation, each kept once it was read.

	Args:
		now: In UTC.
		last_evaluated_at: When the evaluation before this one began.
		windows: Minutes over which rules count runs; all windows are read at once.

	Attributes:
		problems: Why a source gave no answer so far, by source.
	"""

	def __init__(
		self, now: datetime, last_evaluated_at: datetime | None = None, windows: Collection[int] = ()
	) -> None:
		self.now = now
		self.windows = set(windows)
		self.last_evaluated_at = last_evaluated_at
		self.problems: dict[str, str] = {}
		self._answers: dict[Any, Any] = {}

	def _once(self, source: str, key: Any, ask: Callable[[], T]) -> T:
		"""The answer of a source, read the first time.

		Raises:
			NoAnswer: Each time: a Redis that is down is waited for once.
		"""
		if key not in self._answers:
			try:
				self._answers[key] = ask()
			except BaseTimeoutException:
				raise
			except JobMonitorError as error:
				self._answers[key] = NoAnswer(REDIS, translated(error.wording))
			except Exception as error:
				frappe.db.rollback()
				self._answers[key] = NoAnswer(source, f"{type(error).__name__}: {error}")
		answer = self._answers[key]
		if isinstance(answer, NoAnswer):
			raise answer
		return cast(T, answer)

	@property
	def snapshot(self) -> Snapshot:
		"""Queues, workers and running jobs of the bench."""
		return self._once(REDIS, "snapshot", lambda: snapshot.take(context.client(), zombie_seconds=0))

	def lost_runs(self) -> tuple[int, datetime] | None:
		"""Number of runs that were lost within a day and when the last was; None if there are none."""
		return self._once(HISTORY, "lost runs", recorder_progress.lost_runs)

	def zombies(self, known: Collection[str]) -> list[Job]:
		"""Jobs that are zombies now: of the last search, which is repeated when it is old, and of those that fire already."""
		return self._once(REDIS, ("zombies", *sorted(known)), lambda: self._zombies(known))

	def _zombies(self, known: Collection[str]) -> list[Job]:
		client = context.client()
		ids = list(dict.fromkeys([*known, *self._searched(client)]))[: limits.ALERT_SUBJECTS]
		jobs = read_rows(client, [("", job_id) for job_id in map(keys.askable, ids)], frozenset({"call"}))
		return zombies.among(client, jobs)

	def _searched(self, client: RqClient) -> list[str]:
		"""Ids of this site's zombies, as the last search found them."""
		kept = json.loads(state.get(ZOMBIES) or "{}")
		age = self.now - datetime.fromisoformat(kept["at"]) if kept else None
		if age is not None and timedelta() <= age < timedelta(minutes=limits.ZOMBIE_RULE_MINUTES):
			return kept["ids"]
		found = zombies.find(client, limits.ZOMBIE_RULE_SECONDS)
		if found.problem:
			raise CouldNotAsk(found.problem)
		ids = [job.id for job in found.jobs if context.is_own(job)]
		state.put(ZOMBIES, json.dumps({"at": self.now.isoformat(), "ids": ids}))
		return ids

	@property
	def redis_memory(self) -> tuple[int, int]:
		"""Bytes used, and bytes there are; 0 if Redis does not say."""

		def ask() -> tuple[int, int]:
			answer = context.client().ask([("INFO", "memory")])[0]
			if isinstance(answer, Exception):
				return 0, 0
			return answer["used_memory"], answer.get("maxmemory") or answer.get("total_system_memory", 0)

		return self._once(REDIS, "memory", ask)

	def outcomes(self, minutes: int) -> dict[str, Counts]:
		"""Runs that ended in one of the windows, by queue."""
		return self._once(HISTORY, "outcomes", lambda: recent_runs.outcomes(self.windows))[minutes]

	@property
	def baselines(self) -> dict[str, baselines.Baseline]:
		"""Usual durations by method."""
		return self._once(HISTORY, "baselines", baselines.read)

	def new_groups(self, minutes: int) -> list[failure_groups.NewGroup]:
		"""Groups of failures that are new, or came back, within the window; newest first."""
		since = self.now - timedelta(minutes=minutes)
		return self._once(HISTORY, ("groups", minutes), lambda: failure_groups.new_groups(since))

	def error_logs(self, minutes: int) -> int:
		"""Frappe's moments have no zone: in the night in which the clock is set back, an hour more is counted."""
		now = to_site(self.now)
		since = min(now - timedelta(minutes=minutes), to_site(self.now - timedelta(minutes=minutes)))
		query = "select count(*) from `tabError Log` where creation >= %s and creation <= %s"
		bounds = (since, now + timedelta(minutes=1))
		return self._once(HISTORY, ("errors", minutes), lambda: int(frappe.db.sql(query, bounds)[0][0]))

	@property
	def schedules(self) -> list[ScheduleHealth]:
		"""All schedules of the site."""
		return self._once(SCHEDULES, "schedules", schedule_health.read)

	@property
	def scheduler(self) -> scheduler.SchedulerHealth:
		"""State of Frappe's scheduler."""
		return self._once(SCHEDULES, "scheduler", lambda: scheduler.health(self.schedules))

	@property
	def enqueue_limit(self) -> int | None:
		"""Waiting jobs of one queue from which `frappe.enqueue` throws QueueOverloaded: Frappe 16's
		`utils/background_jobs.py`. None on Frappe 15, unless the bench has `max_queued_jobs`."""
		limit = frappe.utils.cint(frappe.conf.max_queued_jobs) or getattr(
			background_jobs, "MAX_QUEUED_JOBS", 0
		)
		return self._once(SITES, "limit", lambda: limit + 50 * len(get_sites())) if limit else None

	@property
	def failed_limit(self) -> int:
		"""Failed jobs kept for each queue."""
		limit = frappe.utils.cint(frappe.conf.rq_failed_jobs_limit)
		return limit or getattr(background_jobs, "RQ_FAILED_JOBS_LIMIT", 1000)
