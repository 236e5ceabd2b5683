"""Pages of logs, and filters of their entries."""

from __future__ import annotations

from dataclasses import dataclass

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.logs.records import LEVELS, LogRecord
from job_monitor.core.wording import say


@dataclass(frozen=True)
class LogPage:
	"""A page of a log's entries.

	Attributes:
		records: Oldest first.
		older: Cursor for `Log.tail`, "" if there are no older entries.
		newer: Cursor for `Log.follow`.
		bytes_read: Bytes that were searched for the entries.
		note: Why there are no entries, or which are missing; "" for nothing.
	"""

	name: str
	records: tuple[LogRecord, ...] = ()
	older: str = ""
	newer: str = ""
	bytes_read: int = 0
	note: str = ""


@dataclass(frozen=True)
class LogFilter:
	"""The entries to read, and their number.

	Attributes:
		level: This level and more urgent ones; "" for all.
		text: Part of the entry as it is shown, upper and lower case alike: masked text is not found.
		records: At most so many.

	Raises:
		InvalidQuery: Out of bounds.
	"""

	level: str = ""
	text: str = ""
	records: int = 100

	def __post_init__(self) -> None:
		if self.level and self.level not in LEVELS:
			raise InvalidQuery(say("the level is one of {0}", ", ".join(LEVELS)))
		if len(self.text) > limits.PATTERN_CHARS:
			raise InvalidQuery(say("the text has at most {0} characters", limits.PATTERN_CHARS))
		if not 1 <= self.records <= limits.LOG_PAGE_RECORDS:
			raise InvalidQuery(say("1 to {0} entries", limits.LOG_PAGE_RECORDS))


ALL = LogFilter()

GONE = say("the log was truncated or rotated away since; entries may be missing")
"""The note of a page whose cursor points into a file that is gone."""
