"""How a job ended, by the traceback that RQ keeps of it (rq 1.15.1 to 2.6.1: `worker.py`, `registry.py`)."""

from __future__ import annotations

from collections.abc import Iterable

from job_monitor.core import limits
from job_monitor.core.history.runs import FAILED, KILLED, STOPPED, TIMEOUT, Failure
from job_monitor.core.rq.records import Job

_KILLED = ("Work-horse terminated unexpectedly", "AbandonedJobError", "Work-horse process was terminated")
_STOPPED = ("Job stopped by user",)
_TIMEOUT = ("JobTimeoutException", "HorseMonitorTimeoutException")


_UNKNOWN = {
	STOPPED: "Somebody stopped it; RQ has nothing more of it.",
	KILLED: "The process that ran it vanished.",
}


def failure_of(job: Job | None, outcome: str) -> tuple[Failure, str]:
	"""The failure of a run that no hook saw the end of, and its outcome as the last line of RQ's traceback tells it."""
	text = job.exception.strip() if job else ""
	last = text.rsplit("\n", 1)[-1].strip()
	if outcome == FAILED:
		outcome = TIMEOUT if _holds(last, _TIMEOUT) else KILLED if _holds(last, _KILLED) else FAILED
	kind, _, message = last.partition(": ")
	if not kind.replace(".", "").isidentifier():
		kind, message = {STOPPED: "Stopped", KILLED: "Killed"}.get(outcome, "Failed"), last
	arguments = job.arguments[: limits.ARGUMENT_CHARS] if job else ""
	message = message or ("" if last else _UNKNOWN.get(outcome, _UNKNOWN[KILLED]))
	return Failure(
		kind.rsplit(".", 1)[-1], message[: limits.MESSAGE_CHARS], text[-limits.TRACEBACK_CHARS :], arguments
	), outcome


def was_stopped(text: str) -> bool:
	"""Whether RQ noted that somebody stopped the job."""
	return _holds(text, _STOPPED)


def _holds(text: str, words: Iterable[str]) -> bool:
	return any(word in text for word in words)
