"""Records each run of a background job on Redis: its job when it begins, and how it ended.

The recorder has a connection of its own, with a limit of `limits.HOOK_REDIS_SECONDS`: RQ's connection waits for minutes.
The answer to the beginning is read at the end, so that a job waits for Redis once. A Redis that gives no answer is left
alone for a while, and the runs that are not recorded meanwhile are counted.

Frappe calls the hooks again when it retries a job after a deadlock, the inner calls within the outer ones
(`utils/background_jobs.py`, `execute_job`). That is one run: it begins with the first `before_job` and ends with the
first `after_job`, which is that of the last attempt.

Workers import this module before they fork (`job_monitor.commands`), so nothing heavy is imported at its top.
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
from job_monitor.core.history.run_entries import Failure
from job_monitor.core.history.run_records import FAILED, SUCCESS, TIMEOUT, Run
from job_monitor.core.history.runs import RunLog
from job_monitor.core.pickles.payload import method_of
from job_monitor.core.rq import keys
from job_monitor.core.rq.breaker import Breaker
from job_monitor.core.rq.hook_client import Command, HookClient

T = TypeVar("T")

_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
"""Of `ru_maxrss`: kilobytes, on macOS bytes."""


class Recording:
	"""The run that goes on in this process.

	Attributes:
		started: The beginning, by the monotonic clock.
		cpu: Processor time of the process at the beginning, in seconds.
		attempts: How often Frappe called the method.
		handled: The exception that was being handled when the attempt began: the deadlock that led to it.
		error: The exception of a scheduled job, which Frappe swallows before `after_job`.
		is_sent: Whether the beginning was sent to Redis.
		ended: Whether the end was recorded.
	"""

	def __init__(self, job: Any, run: Run, log: RunLog) -> None:
		self.job = job
		self.run = run
		self.log = log
		self.started = time.monotonic()
		self.cpu = _cpu()
		self.attempts = 1
		self.handled = sys.exc_info()[1]
		self.error: BaseException | None = None
		self.is_sent = False
		self.ended = False


_current: Recording | None = None

breaker = Breaker()
"""Made before the worker forks, so that its work-horses share it."""

_client: HookClient | None = None
_connection: Any = None


def _hook_client(connection: Any) -> HookClient:
	"""The process's client: a work-horse has one job, and a worker that does not fork keeps the connection."""
	global _client, _connection
	if _client is None or _connection is not connection:
		_client, _connection = HookClient(connection), connection
	return _client


def begin(job: Any, method: str = "", kwargs: dict[str, Any] | None = None) -> None:
	"""Record that a job begins. For a `before_job` hook that `beside_the_job` guards."""
	global _current
	if _current is not None and not _current.ended and _current.job is job:
		_current.attempts += 1
		_current.handled = sys.exc_info()[1]
		return
	_current = _recording(job, frappe.local.site, frappe.local.job.user or "", method, kwargs or {})
	if breaker.rests():
		return
	command = _current.log.begin_command(_current.run)
	_or_trip(_hook_client(job.connection).post, command)
	_current.is_sent = True


def _recording(job: Any, site: str, user: str, method: str, kwargs: dict[str, Any]) -> Recording:
	"""The run of a job that begins now. Nothing is sent."""
	# The bench's id is read from the queue's name, as Frappe's own function reads a file
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
	"""The answer of Redis. After any error, our own time limit included, Redis is left alone for a while."""
	try:
		return ask(command)
	except BaseException:
		breaker.trip()
		raise


def _epoch(moment: datetime | None) -> float | None:
	"""The Unix time of a moment of RQ, which is in UTC; since RQ 2.2 it has the time zone."""
	return moment.replace(tzinfo=timezone.utc).timestamp() if moment else None


def end(*_args: Any, **_kwargs: Any) -> None:
	"""Record how the job ended. For an `after_job` hook that `beside_the_job` guards."""
	recording = _current
	if recording is None or recording.ended or recording.job is not get_current_job():
		return
	recording.ended = True
	error = sys.exc_info()[1]
	if error is recording.handled:
		error = recording.error
	run = _ended(recording, error)
	if error is not None and _is_retried(recording.job):
		_discard(recording)
	else:
		_report(recording, run, _failure(error) if error is not None else None)


def _ended(recording: Recording, error: BaseException | None) -> Run:
	"""The run, which ends now. Nothing is sent."""
	duration = time.monotonic() - recording.started
	values: dict[str, Any] = {
		"ended_at": round(recording.run.started_at + duration, 6),
		"outcome": SUCCESS if error is None else TIMEOUT if _is_timeout(error) else FAILED,
		"duration": round(duration, 6),
		"cpu": round(max(0.0, _cpu() - recording.cpu), 6),
		"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MEMORY_UNIT,
		"attempts": recording.attempts,
	}
	return Run(**{**vars(recording.run), **values})


def _is_retried(job: Any) -> bool:
	"""Whether RQ runs the job again by itself if it fails now (`retry=` of `enqueue`): such an attempt is no failure."""
	return bool(job.retries_left and job.retries_left > 0)


def _discard(recording: Recording) -> None:
	"""Take back that the run began."""
	if not recording.is_sent or breaker.rests():
		return
	client = _hook_client(recording.job.connection)
	command = recording.log.discard_command(recording.run)
	client.still_there()
	_or_trip(client.ask, command)


def _report(recording: Recording, run: Run, failure: Failure | None) -> None:
	"""Send the end of a run."""
	is_unknown = not recording.is_sent and failure is None
	if is_unknown:
		breaker.count()  # RQ knows of failures, and the sweep of runs whose beginning was sent
	if breaker.rests():
		return
	client = _hook_client(recording.job.connection)
	begun = recording.is_sent and client.still_there()
	unsent = breaker.counted - is_unknown
	command = recording.log.end_command(run, failure, begun, unsent)
	answer, earlier = _or_trip(client.ask, command)
	if not answer and any(isinstance(refusal, RedisRefused) for refusal in earlier):
		# The beginning was refused, so no other process can have recorded the end
		command = recording.log.end_command(run, failure, False, unsent)
		answer, earlier = _or_trip(client.ask, command)
	if isinstance(answer, RedisRefused):
		breaker.trip()
		raise answer
	breaker.reset()


def note_error(error: BaseException | None) -> None:
	"""Note the exception of a scheduled job, which Frappe swallows before `after_job`."""
	if _current is not None and not _current.ended:
		_current.error = error


def _cpu() -> float:
	"""Processor time of this process, in seconds."""
	return time.process_time()


def _is_timeout(error: BaseException) -> bool:
	from rq.timeouts import BaseTimeoutException

	return isinstance(error, BaseTimeoutException)


def _failure(error: BaseException) -> Failure:
	"""The texts of an error, redacted. Modules that only failures need are imported here."""
	from job_monitor.bridge import context
	from job_monitor.core.history.failure_texts import describe

	return describe(error, frappe.local.job.kwargs, context.redactor())
