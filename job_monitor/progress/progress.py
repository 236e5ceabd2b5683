"""Progress of long jobs, shown to the user who waits and in RQ Job. It runs in somebody else's job, and never raises.

	from job_monitor.progress import track

	def import_items(items):
		for item in track(items, title="Import"):
			process(item)

Events go to the user's own room (`task_progress`, then `task_complete` or `task_failed`), at most four a second
however fast the loop is. An item between two events costs well under 2 microseconds. A Redis that gives no answer costs
the job `limits.HOOK_SECONDS`, and is then left alone for 30 seconds, in which nothing is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

import frappe

from job_monitor.bridge import context
from job_monitor.core import limits
from job_monitor.core.history.failure_texts import text_of
from job_monitor.core.rq.breaker import Breaker
from job_monitor.progress import task_states
from job_monitor.recorder.guard import TookTooLong, beside_the_job, never_raises

Item = TypeVar("Item")

TICK_SECONDS = 0.25
"""Time between two events: more are no smoother for the eye."""

STOP_FIELD = "job_monitor_stop"
"""Field of a job's hash on Redis that asks the job to stop."""

_MESSAGE_CHARS = 200

breaker = Breaker()
"""Not the recorder's, as states are kept on the cache's Redis, which may be another one."""


def track(
	items: Iterable[Item],
	title: object = "",
	user: str | None = None,
	total: int | None = None,
	description: object = "",
) -> Iterator[Item]:
	"""The items, one by one; progress is published meanwhile.

	Args:
		title: The text above the bar; the job's method if there is none.
		user: The user who sees it; the job's user if none is named.
		total: Number of the items if they have no length; the bar of an unknown number has no end.
	"""
	if total is None and isinstance(items, Sized):
		total = len(items)
	progress = Progress(title, total, user, description)
	with progress:
		for item in items:
			yield item
			progress.current += 1
			if monotonic() >= progress.due:
				progress.publish()


class Progress:
	"""Progress that is advanced step by step, as a context manager.

	with Progress("Import", total=len(rows)) as progress:
		for row in rows:
			progress.advance(description=row.name)
			if progress.stop_requested:
				break

	Attributes:
		current, total: Steps done, of how many; None if unknown.
		stop_requested: Whether a user asked the job to stop. Looked up with each event.
		due: When the next event may be published, by the monotonic clock.
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
		self.started = monotonic()
		self.guard = never_raises("progress is not shown", once=True)
		self.task_id, self.job = frappe.generate_hash(length=10), None
		with self.guard:
			self._find_job()
		if self.job is not None and getattr(frappe.local, "job_monitor_tasks", None) is None:
			self._ask_redis(self._clear_stop_request)

	def _find_job(self) -> None:
		from rq import get_current_job

		self.job = get_current_job()
		if self.job is not None:
			self.title = self.title or str(getattr(getattr(frappe.local, "job", None), "method", self.job.id))

	def _clear_stop_request(self) -> None:
		"""A request that is there when the job's first task begins was for an earlier run."""
		self.job.connection.hdel(self.job.key, STOP_FIELD)

	def advance(self, steps: int = 1, description: object = None) -> None:
		"""Count so many steps more as done."""
		self.current += steps
		if description is not None:
			self.description = description
		if monotonic() >= self.due:
			self.publish()

	def set(self, current: int, description: object = None) -> None:
		"""Count so many steps as done in all."""
		self.advance(current - self.current, description)

	def __enter__(self) -> Progress:
		_open_tasks().append(self)
		self.publish()
		return self

	def __exit__(
		self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
	) -> None:
		if kind is GeneratorExit and self.job is not None:
			return  # the loop was left by a break or by an error, which the end of the job knows
		self.end(error if kind is not GeneratorExit else None)

	# Publishing

	@property
	def percent(self) -> float | None:
		"""Steps done, from 0 to 100; None without a total."""
		return min(100.0, 100 * self.current / self.total) if self.total else None

	@property
	def eta(self) -> float | None:
		"""Seconds left at the average speed so far; None if unknown."""
		if not self.total or not 0 < self.current <= self.total:
			return None
		return round((monotonic() - self.started) / self.current * (self.total - self.current), 1)

	def publish(self) -> None:
		"""Publish the current state, and keep it with the job."""
		self.due = monotonic() + TICK_SECONDS
		self._ask_redis(self._publish_progress, self._update_job)

	def _ask_redis(self, *acts: Callable[[], None]) -> None:
		"""Do these acts, each even if another fails, unless Redis gives no answer."""
		if not breaker.rests():
			_act(self.guard, acts)

	def _publish_progress(self) -> None:
		self._publish_state("task_progress", {"eta": self.eta, "state": "running"})

	def _update_job(self) -> None:
		if self.job is None:
			return
		self.job.meta.update(progress=self.percent, progress_description=_text(self.description))
		self.job.save_meta()
		self.stop_requested = bool(self.job.connection.hexists(self.job.key, STOP_FIELD))

	def end(self, error: BaseException | None = None) -> None:
		"""Publish that the task is done, or has failed with an error. Only the first call does so."""
		tasks = _open_tasks()
		if self not in tasks:
			return
		self._ask_redis(lambda: self._publish_end(error), lambda: self._update_ended_job(error))
		tasks.remove(
			self
		)  # not before: a job that runs out of time in here fails, and its end publishes that

	def _update_ended_job(self, error: BaseException | None) -> None:
		if error is None and self.job is not None:
			self.job.meta.update(progress=100.0 if self.total else None)
			self.job.save_meta()

	def _publish_end(self, error: BaseException | None) -> None:
		if error is None:
			message = _text(self.description) or frappe._("{0} done").format(self.current)
			self._publish_state("task_complete", {"message": message, "state": "done", "eta": 0})
			return
		text = context.redactor().clean_text(f"{type(error).__name__}: {text_of(error)}")[:_MESSAGE_CHARS]
		self._publish_state("task_failed", {"message": text, "state": "failed"})

	def _publish_state(self, event: str, values: dict[str, Any]) -> None:
		state = {
			"progress": self.percent,
			"current": self.current,
			"total": self.total,
			"description": _text(self.description),
			"title": _text(self.title),
			"task_id": self.task_id,
			"job_id": self.job.id if self.job is not None else None,
			**values,
		}
		task_states.publish(event, state, self.user, self.guard)


@beside_the_job("progress is not shown", limits.HOOK_SECONDS, over=False)
def _act(guard: never_raises, acts: Iterable[Callable[[], None]]) -> None:
	"""Do the acts. They use connections of Frappe and RQ, which wait for minutes: the alarm ends that, and they reconnect."""
	try:
		for act in acts:
			with guard:
				act()
	except TookTooLong:
		breaker.trip()
		raise


def _text(value: object) -> str:
	return "" if value is None else str(value)[:_MESSAGE_CHARS]


def _open_tasks() -> list[Progress]:
	"""Tasks of this job that have begun and not ended."""
	if getattr(frappe.local, "job_monitor_tasks", None) is None:
		frappe.local.job_monitor_tasks = []
	return frappe.local.job_monitor_tasks


def finish(*_args: Any, **_kwargs: Any) -> None:
	"""Publish the end of tasks whose loop was left. For an `after_job` hook that `beside_the_job` guards."""
	error = sys.exc_info()[1]
	for task in list(getattr(frappe.local, "job_monitor_tasks", None) or ()):
		task.end(error)
