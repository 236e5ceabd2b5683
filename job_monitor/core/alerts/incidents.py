"""Incidents of alerts: what a check sees now, what is known of a subject, and what changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from job_monitor.core.findings import Severity


class State(str, Enum):
	"""State of an incident. A subject that is clear has no incident."""

	PENDING = "Pending"
	FIRING = "Firing"
	RESOLVED = "Resolved"


class Notice(str, Enum):
	"""The message that a transition sends."""

	NONE = ""
	FIRING = "firing"
	REMINDER = "reminder"
	RESOLVED = "resolved"


@dataclass(frozen=True)
class Sighting:
	"""A subject that is over the rule's threshold now.

	Attributes:
		value: The measured value, in the unit of the rule's threshold.
		warning_only: Its severity is at most a warning, whatever the rule says.
		context: Text of the check, which it gets back at the next evaluation.
	"""

	subject: str
	title: str
	text: str = ""
	value: float = 0.0
	warning_only: bool = False
	context: str = ""


@dataclass(frozen=True)
class Incident:
	"""One subject of one rule, from its first sighting to its last.

	Attributes:
		began_at: First sighting. `fired_at`: when it had been seen for the pending period.
		clear_since: When the subject stopped being seen, None while it is seen.
		notified_at: When the last message was sent, None if none was.
	"""

	subject: str
	state: State
	began_at: datetime
	seen_at: datetime
	title: str = ""
	text: str = ""
	value: float = 0.0
	context: str = ""
	severity: Severity = Severity.WARNING
	fired_at: datetime | None = None
	clear_since: datetime | None = None
	resolved_at: datetime | None = None
	notified_at: datetime | None = None
	acknowledged: bool = False
	muted_until: datetime | None = None

	@property
	def seconds(self) -> float:
		"""Seconds from its first sighting to its last."""
		return max(0.0, ((self.clear_since or self.seen_at) - self.began_at).total_seconds())


MOMENTS = ("began_at", "seen_at", "fired_at", "clear_since", "resolved_at", "notified_at")
"""Fields of an incident that the evaluation's clock sets."""


@dataclass(frozen=True)
class Transition:
	"""An incident before and after an evaluation. `after` is None if it passed while it was pending."""

	before: Incident | None
	after: Incident | None
	notice: Notice = Notice.NONE

	@property
	def is_flip(self) -> bool:
		"""Whether the state changes, or a message is sent."""
		states = [incident.state if incident else None for incident in (self.before, self.after)]
		return states[0] is not states[1] or self.notice is not Notice.NONE
