"""What is found to be wrong: a code and values for programs, a message and a hint for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Severity(str, Enum):
	"""How bad a finding is."""

	CRITICAL = "critical"
	WARNING = "warning"


@dataclass(frozen=True)
class Finding:
	"""Something wrong. `core.messages` words it by its code.

	Attributes:
		code: Stable name, e.g. `dead-worker`.
		subject: The queue, worker or job it is about.
		message: What is wrong, and since when; a `Wording`.
		hint: What to do, "" if nothing.
		values: What the message is made of, by name: numbers, seconds, names.
	"""

	code: str
	severity: Severity
	subject: str
	message: str
	hint: str = ""
	values: Mapping[str, object] = field(default_factory=dict)
