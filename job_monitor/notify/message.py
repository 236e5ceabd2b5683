"""A message, and the outcome of sending it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

CRITICAL = "critical"
WARNING = "warning"
"""Severities."""

FIRING, RESOLVED, REMINDER, TEST, UNKNOWN = "firing", "resolved", "reminder", "test", "unknown"
"""States of an incident. "unknown": a source gave no answer."""


@dataclass(frozen=True)
class Message:
	"""One notice about one incident, in the language of those who read it.

	Attributes:
		title: One line: what is wrong.
		text: Plain lines: why, and what to do. Never markup.
		severity: `CRITICAL` or `WARNING`; also of the notice that the incident is resolved.
		subject: A queue, a method, a schedule …
		since: In any zone; shown in the site's.
		duration_seconds: Age of the incident; its length, when it is resolved.
		url: Where to read on in Desk.
		key: Stable id of the incident, by which mail programs and receivers join its notices.
		delivery: Stable id of this notice: a notice that is sent twice, because its answer was lost, has the same id twice.
		mail_subject: Of an e-mail, in place of the usual one.
	"""

	title: str
	text: str
	severity: str
	state: str
	rule: str
	subject: str
	site: str
	since: datetime | None
	duration_seconds: float | None
	url: str
	key: str
	delivery: str
	mail_subject: str = ""


@dataclass(frozen=True)
class Delivery:
	"""Outcome of one message on one channel.

	Attributes:
		error: "" if ok. Holds no secrets.
		permanent: Trying again cannot help; somebody has to change something.
		detail: Where it went, in words.
	"""

	channel: str
	ok: bool
	error: str = ""
	permanent: bool = False
	detail: str = ""


class DeliveryError(Exception):
	"""A channel did not take a message. The text is for people and holds no secrets."""

	def __init__(self, text: str, permanent: bool = False) -> None:
		super().__init__(text)
		self.permanent = permanent
