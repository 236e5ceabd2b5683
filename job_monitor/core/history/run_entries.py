"""Entries of the run log on Redis: ended runs, the texts of failures, the state of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import orjson

from job_monitor.core.history.run_records import FAILED, Run


@dataclass(frozen=True)
class Failure:
	"""Texts of a run that did not succeed; redacted and cut to `limits`."""

	exception: str = ""
	message: str = ""
	traceback: str = ""
	arguments: str = ""


class Ended(NamedTuple):
	"""A run that ended, as read.

	Attributes:
		position: Its position in the stream of ended runs, which only grows; `RunLog.ended` takes it as `after`.
		failure: None for a success, and for a failure whose texts were dropped because too many failures waited.
		failure_position: Position of the failure in its stream, "" for none.
	"""

	position: str
	run: Run
	failure: Failure | None = None
	failure_position: str = ""


class LogState(NamedTuple):
	"""The state of a site's run log.

	Attributes:
		born: The first position of the stream of ended runs, "" if none is known. Another one means that the stream was
			lost and begun anew, so a position in the old stream says nothing.
		waiting: Runs that ended and are in no database yet.
		dropped: Runs that are lost: too many waited, or Redis could not be reached.
		batch: See `RunLog.note_batch`; None if none is noted.
	"""

	born: str
	waiting: int
	dropped: int
	batch: int | None


def pack_failure(failure: Failure) -> bytes:
	"""The form of a failure on Redis: JSON of the texts that are not empty."""
	known = {name: value for name, value in vars(failure).items() if value}
	try:
		return orjson.dumps(known)
	except TypeError:  # a lone surrogate in a name or a traceback
		return orjson.dumps({n: v.encode("utf-8", "replace").decode() for n, v in known.items()})


def unpack_failure(text: bytes) -> Failure | None:
	"""The failure of a packed form; None for bytes that are no failure (those of a later release, say)."""
	try:
		return Failure(**orjson.loads(text))
	except (ValueError, TypeError):
		return None


def unreadable_run(position: bytes) -> Run:
	"""The run that stands for an entry which cannot be read: a failure at the moment of its position."""
	moment = int(position.split(b"-")[0]) / 1000
	return Run("", "unreadable", "", moment, ended_at=moment, outcome=FAILED)
