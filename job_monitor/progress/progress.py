"""Progress of long jobs, shown to the user who waits and in RQ Job. Runs inside someone else's job: it is `never_raises`.

	from job_monitor.progress import track

	def import_items(items):
		for item in track(items, title="Import"):
			process(item)

A Redis that gives no answer takes half a second of the job, and then nothing for 30 seconds: nothing is shown meanwhile.

Events go to the user's own room (`task_progress`, then `task_complete` or `task_failed`), at most four a second
however fast the loop is. In between an item costs well under 2 microseconds.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

import frappe
from frappe.utils import now_datetime

from job_monitor.bridge import context
from job_monitor.core import limits
from job_monitor.core.history.failure_texts import text_of
from job_monitor.core.rq.breaker import Breaker
from job_monitor.recorder.guard import TookTooLong, beside_the_job, never_raises

Item = TypeVar("Item")

TICK_SECONDS = 0.25
"""Time between two events: more are no smoother for the eye."""

KEPT_SECONDS = 86_400
"""Life of the last known states of a user's tasks."""

KEPT_TASKS = 50
"""States kept for a user at most: the panel reads them all. One more, and the less needed half goes."""

SILENT_SECONDS = 600
"""A running task that told nothing for so long is not shown (`tasks_of_users`), and goes like one that has ended."""

TASKS = "job_monitor_tasks"
STOP_FIELD = "job_monitor_stop"
"""Field of a job's hash on Redis that asks the job to stop."""

_MESSAGE_CHARS = 200

breaker = Breaker()
"""Not the recorder's: states are kept on the cache's Redis, which may be another one."""


def track(
	items: Iterable[Item],
	title: object = "",
	user: str | None = None,
	total: int | None = None,
	description: object = "",
) -> Iterator[Item]:
	"""The items, one by one, with progress published as they are taken.

	Args:
		title: What the user sees above the bar, as text; the job's method if none.
		user: Who sees it; the job's user if none.
		total: Number of items where it cannot be asked of them; without one the bar has no end.
	"""
	if total is None and isinstance(items, Sized):
		total = len(items)
	progress = Progress(title, total, user, description)
	with progress:
		for item in items:
			yield item
			progress.current += 1
			if monotonic() >= progress.due:
				progress.tell()


class Progress:
	"""Progress that is told step by step, as a context manager.

	with Progress("Import", total=len(rows)) as progress:
		for row in rows:
			progress.advance(description=row.name)
			if progress.stop_requested:
				break

	Attributes:
		current, total: Steps done, of how many; None if unknown.
		stop_requested: Whether somebody asked the job to stop. Looked up with each event.
	"""

	def __init__(
		self,
		title: object = "",
		total: int | None = None,
		user: str | None = None,
		description: object = "",
	) -> None:
		self.title = title
		self.total = total
		self.user = user or frappe.session.user
		self.description = description
		self.current = 0
		self.stop_requested = False
		self.due = 0.0
		self.began = monotonic()
		self.harmless = never_raises("progress is not shown", once=True)
		self.task_id, self.job = frappe.generate_hash(length=10), None
		with self.harmless:
			self._know_job()
		if self.job is not None and getattr(frappe.local, "job_monitor_tasks", None) is None:
			self._within_the_limit(self._forget_stop)

	def _know_job(self) -> None:
		from rq import get_current_job

		self.job = get_current_job()
		if self.job is not None:
			self.title = self.title or str(getattr(getattr(frappe.local, "job", None), "method", self.job.id))

	def _forget_stop(self) -> None:
		"""It was for a run before this one."""
		self.job.connection.hdel(self.job.key, STOP_FIELD)

	def advance(self, steps: int = 1, description: object = None) -> None:
		"""So many steps more are done."""
		self.current += steps
		if description is not None:
			self.description = description
		if monotonic() >= self.due:
			self.tell()

	def set(self, current: int, description: object = None) -> None:
		"""So many steps are done in all."""
		self.advance(current - self.current, description)

	def __enter__(self) -> Progress:
		_open_tasks().append(self)
		self.tell()
		return self

	def __exit__(
		self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
	) -> None:
		if kind is GeneratorExit and self.job is not None:
			return  # the loop was left, by a break or by an error: the end of the job will tell which
		self.end(error if kind is not GeneratorExit else None)

	# Telling

	@property
	def percent(self) -> float | None:
		"""0 to 100; None without a total."""
		return min(100.0, 100 * self.current / self.total) if self.total else None

	@property
	def eta(self) -> float | None:
		"""Seconds that are left at the speed so far."""
		if not self.total or not 0 < self.current <= self.total:
			return None
		return round((monotonic() - self.began) / self.current * (self.total - self.current), 1)

	def tell(self) -> None:
		"""Publish where it is now, and keep it with the job."""
		self.due = monotonic() + TICK_SECONDS
		self._within_the_limit(self._publish_progress, self._tell_job)

	def _within_the_limit(self, *acts: Callable[[], None]) -> None:
		"""Each is done whatever becomes of the others, unless Redis keeps them waiting."""
		if not breaker.rests():
			_beside_the_job(self.harmless, acts)

	def _publish_progress(self) -> None:
		self._publish("task_progress", {"eta": self.eta, "state": "running"})

	def _tell_job(self) -> None:
		if self.job is None:
			return
		self.job.meta.update(progress=self.percent, progress_description=_text(self.description))
		self.job.save_meta()
		self.stop_requested = bool(self.job.connection.hexists(self.job.key, STOP_FIELD))

	def end(self, error: BaseException | None = None) -> None:
		"""Publish that it is done, or has failed. Only once."""
		tasks = _open_tasks()
		if self not in tasks:
			return
		self._within_the_limit(lambda: self._publish_end(error), lambda: self._tell_job_the_end(error))
		tasks.remove(self)  # not before: a job that runs out of time in here fails, and its end tells that

	def _tell_job_the_end(self, error: BaseException | None) -> None:
		if error is None and self.job is not None:
			self.job.meta.update(progress=100.0 if self.total else None)
			self.job.save_meta()

	def _publish_end(self, error: BaseException | None) -> None:
		if error is None:
			message = _text(self.description) or frappe._("{0} done").format(self.current)
			self._publish("task_complete", {"message": message, "state": "done", "eta": 0})
			return
		text = context.redactor().clean_text(f"{type(error).__name__}: {text_of(error)}")[:_MESSAGE_CHARS]
		self._publish("task_failed", {"message": text, "state": "failed"})

	def _publish(self, event: str, more: dict[str, Any]) -> None:
		state = {
			"progress": self.percent,
			"current": self.current,
			"total": self.total,
			"description": _text(self.description),
			"title": _text(self.title),
			"task_id": self.task_id,
			"job_id": self.job.id if self.job is not None else None,
			**more,
		}
		publish(event, state, self.user, self.harmless)


@beside_the_job("progress is not shown", limits.HOOK_SECONDS, over=False)
def _beside_the_job(guard: never_raises, acts: Iterable[Callable[[], None]]) -> None:
	"""Asks over connections of Frappe and RQ, which wait for minutes: the alarm ends that, and they connect anew."""
	try:
		for act in acts:
			with guard:
				act()
	except TookTooLong:
		breaker.trip()
		raise


def publish(event: str, state: dict[str, Any], user: str, guard: never_raises | None = None) -> None:
	"""Keep a task's state for those who look later, and send it to the user's room. Two round trips.

	Each is done whatever becomes of the other. Neither for Guest: all guests share that room.
	"""
	if user == "Guest":
		return
	guard = guard or never_raises("a task's state is not shown")
	with guard:
		_keep(state, user)
	with guard:
		frappe.publish_realtime(event, state, user=user)


def _keep(state: dict[str, Any], user: str) -> None:
	name = f"{TASKS}|{user}"
	key = frappe.cache.make_key(name)
	pipeline = frappe.cache.pipeline()
	pipeline.hset(key, state["task_id"], pickle.dumps({**state, "at": now_datetime().isoformat()}))
	pipeline.expire(key, KEPT_SECONDS)
	pipeline.hlen(key)
	if pipeline.execute()[-1] > KEPT_TASKS:
		frappe.cache.execute_command("HDEL", key, *_needed_less(frappe.cache.hgetall(name)))


def _needed_less(states: dict[bytes, dict[str, Any]]) -> list[bytes]:
	"""Ids of half the tasks: first those that have ended or fell silent, the older the sooner."""
	silent = (now_datetime() - timedelta(seconds=SILENT_SECONDS)).isoformat()

	def need(task_id: bytes) -> tuple[bool, str]:
		state = states[task_id]
		return state["state"] == "running" and state["at"] > silent, state["at"]

	return sorted(states, key=need)[: len(states) // 2]


def _text(value: object) -> str:
	return "" if value is None else str(value)[:_MESSAGE_CHARS]


def _open_tasks() -> list[Progress]:
	"""Tasks of this job that have begun and not ended."""
	if getattr(frappe.local, "job_monitor_tasks", None) is None:
		frappe.local.job_monitor_tasks = []
	return frappe.local.job_monitor_tasks


def finish(*_args: Any, **_kwargs: Any) -> None:
	"""An `after_job` hook: tell the end of tasks whose loop was left. Harmless."""
	error = sys.exc_info()[1]
	for task in list(getattr(frappe.local, "job_monitor_tasks", None) or ()):
		task.end(error)
