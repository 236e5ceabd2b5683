"""Rules of alerts: which queues and subjects each covers, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache

from job_monitor.core.findings import Severity


@dataclass(frozen=True)
class Rule:
	"""What to look for, and when to send a message. Units and meaning of the numbers: `kinds.Kind`.

	Attributes:
		queue, subject: Patterns as in the shell, `*` for all; several with commas.
		pending_period: Seconds that a subject must be seen before its incident fires, and be clear before it is resolved.
		repeat_interval: Seconds between reminders, 0 for none.
		notify_on_resolve: Whether the end of an incident is a message, too.
		muted_until: No message is sent before then.
	"""

	name: str
	kind: str
	severity: Severity = Severity.WARNING
	queue: str = "*"
	subject: str = "*"
	threshold: float = 0.0
	minimum: int = 0
	window_minutes: int = 0
	pending_period: float = 0.0
	repeat_interval: float = 0.0
	notify_on_resolve: bool = True
	muted_until: datetime | None = None

	def covers(self, queue: str | None = None, subject: str | None = None) -> bool:
		"""Whether the rule's patterns fit a queue and a subject; None fits."""
		return (queue is None or matches(self.queue, queue)) and (
			subject is None or matches(self.subject, subject)
		)


@lru_cache(maxsize=20_000)
def matches(patterns: str, name: str) -> bool:
	"""Whether a name fits one of the patterns, which stand between commas. No pattern fits all names.

	Cached: each evaluation matches each rule with each method.
	"""
	stripped = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
	return not stripped or any(fnmatchcase(name, pattern) for pattern in stripped)
