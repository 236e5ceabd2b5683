"""What is found to be wrong: how bad it is, where, since when, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
	CRITICAL = "critical"
	WARNING = "warning"


@dataclass(frozen=True)
class Finding:
	"""Something wrong, in words.

	Attributes:
		code: Stable name, e.g. `dead-worker`.
		subject: The queue, worker or job it is about.
		hint: What to do.
	"""

	code: str
	severity: Severity
	subject: str
	message: str
	hint: str = ""
