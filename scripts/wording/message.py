"""What the readers of source files answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
	"""A text as it stands in a source file."""

	text: str
	line: int = 0
	context: str | None = None


@dataclass(frozen=True)
class Fault:
	"""Why a text there cannot be translated."""

	line: int
	reason: str
