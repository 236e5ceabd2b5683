"""Records each run of a background job: what it is when it begins, and how it ended.

Redis is told over a connection of our own, with a limit of half a second for everything: RQ's own waits for minutes.
The note of the beginning is sent and its answer read at the end, so that a job waits for Redis once. If Redis gives no
answer, it is left alone for a while, and the runs that were not told of are counted.

Frappe calls the hooks again when it runs a job anew after a deadlock, the inner calls within the outer ones
(`utils/background_jobs.py`, `execute_job`). That is one run: it begins with the first `before_job` and ends with the
first `after_job`, which is that of the last attempt.

Imported by workers before they fork (`job_monitor.commands`), so nothing heavy is imported up here.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeVar

import frappe
from rq import get_current_job

from job_monitor.core import limits
from job_monitor.core.errors import RedisRefused
from job_monitor.core.history.runs import FAILED, SUCCESS, TIMEOUT, Failure, Run, RunLog
from job_monitor.core.pickles.payload import method_of
from job_monitor.core.rq import keys
from job_monitor.core.rq.breaker import Breaker
from job_monitor.core.rq.hook_client import Command, HookClient

T = TypeVar("T")

_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
"""Of `ru_maxrss`: kilobytes, on macOS bytes."""


class Recording:
	"""A run that goes on in this process.

	Attributes:
		handled: The exception that was being handled when the attempt began: the deadlock that led to it.
		error: What a scheduled job raised; core swallows it before `after_job`.
		begun: Whether Redis was told of the run.
	"""

	def __init__(self, job: Any, run: Run, log: RunLog) -> None:
		self.job = job
		self.run = run
		self.log = log
		self.clock = time.monotonic()
		self.cpu = _cpu()
		self.attempts = 1
		self.handled = sys.exc_info()[1]
		self.error: BaseException | None = None
		self.begun = False
		self.ended = False


_current: Recording | None = None

breaker = Breaker()
"""Made before the worker forks, see there."""

_client: HookClient | None = None
_connection: Any = None


def _to_redis(connection: Any) -> HookClient:
	"""One client a process: a work-horse has one job, a worker that does not fork keeps the connection."""
	global _client, _connection
	if _client is None or _connection is not connection:
		_client, _connection = HookClient(connection), connection
	return _client


def begin(job: Any, method: str = "", kwargs: dict[str, Any] | None = None) -> None:
	"""Of a `before_job` hook: note what runs now. To be guarded by `beside_the_job`."""
	global _current
	if _current is not None and not _current.ended and _current.job is job:
		_current.attempts += 1
		_current.handled = sys.exc_info()[1]
		return
	_current = _noted(job, frappe.local.site, frappe.local.job.user or "", method, kwargs or {})
	if breaker.rests():
		return
	command = _current.log.begin_command(_current.run)
	_or_trip(_to_redis(job.connection).post, command)
	_current.begun = True


def _noted(job: Any, site: str, user: str, method: str, kwargs: dict[str, Any]) -> Recording:
	"""A run that begins now. Nobody is told."""
	# The queue's own name, as asking Frappe for the bench's id looks at the disk
	bench, queue = keys.split_queue(job.origin)
	now, enqueued_at = time.time(), _epoch(job.enqueued_at)
	run = Run(
		job_id=job.id,
		method=method_of(method, kwargs)[: limits.PATTERN_CHARS],
		queue=queue,
		started_at=now,
		user=user,
		worker=job.worker_name or "",
		wait=round(max(0.0, now - enqueued_at), 6) if enqueued_at else None,
	)
	return Recording(job, run, RunLog(job.connection, bench, site))


def _or_trip(ask: Callable[[Command], T], command: Command) -> T:
	"""Whatever goes wrong while Redis is asked, our own time limit included: it is left alone for a while."""
	try:
		return ask(command)
	except BaseException:
		breaker.trip()
		raise


def _epoch(moment: datetime | None) -> float | None:
	"""RQ's moments are in UTC; since RQ 2.2 they say so."""
	return moment.replace(tzinfo=timezone.utc).timestamp() if moment else None


def end(*_args: Any, **_kwargs: Any) -> None:
	"""Of an `after_job` hook: tell how it ended. To be guarded by `beside_the_job`."""
	recording = _current
	if recording is None or recording.ended or recording.job is not get_current_job():
		return
	recording.ended = True
	error = sys.exc_info()[1]
	if error is recording.handled:
		error = recording.error
	run = _ended(recording, error)
	if error is not None and _is_made_again(recording.job):
		_forget(recording)
	else:
		_report(recording, run, _failure(error) if error is not None else None)


def _ended(recording: Recording, error: BaseException | None) -> Run:
	"""A run that ends now. Nobody is told."""
	duration = time.monotonic() - recording.clock
	values: dict[str, Any] = {
		"ended_at": round(recording.run.started_at + duration, 6),
		"outcome": SUCCESS if error is None else TIMEOUT if _is_timeout(error) else FAILED,
		"duration": round(duration, 6),
		"cpu": round(max(0.0, _cpu() - recording.cpu), 6),
		"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MEMORY_UNIT,
		"attempts": recording.attempts,
	}
	return Run(**{**vars(recording.run), **values})


def _is_made_again(job: Any) -> bool:
	"""Whether RQ runs the job again by itself if it fails now (`retry=` of `enqueue`): an attempt is no failure."""
	return bool(job.retries_left and job.retries_left > 0)


def _forget(recording: Recording) -> None:
	if not recording.begun or breaker.rests():
		return
	client = _to_redis(recording.job.connection)
	command = recording.log.discard_command(recording.run)
	client.still_there()
	_or_trip(client.ask, command)


def _report(recording: Recording, run: Run, failure: Failure | None) -> None:
	if not recording.begun and failure is None:
		breaker.count()  # nobody else knows of it: of failures RQ does, of a beginning the sweep
	if breaker.rests():
		return
	client = _to_redis(recording.job.connection)
	begun = recording.begun and client.still_there()
	unsent = breaker.counted - (not recording.begun and failure is None)
	command = recording.log.end_command(run, failure, begun, unsent)
	first, before = _or_trip(client.ask, command)
	if not first and any(isinstance(answer, RedisRefused) for answer in before):
		# The beginning was refused, so nobody else can have told the end
		command = recording.log.end_command(run, failure, False, unsent)
		first, before = _or_trip(client.ask, command)
	if isinstance(first, RedisRefused):
		breaker.trip()
		raise first
	breaker.reset()


def note_error(error: BaseException | None) -> None:
	"""What a scheduled job raised."""
	if _current is not None and not _current.ended:
		_current.error = error


def _cpu() -> float:
	"""Seconds of processor time that this process took."""
	return time.process_time()


def _is_timeout(error: BaseException) -> bool:
	from rq.timeouts import BaseTimeoutException

	return isinstance(error, BaseTimeoutException)


def _failure(error: BaseException) -> Failure:
	from job_monitor.bridge import context
	from job_monitor.core.history.failure_texts import describe

	return describe(error, frappe.local.job.kwargs, context.redactor())
