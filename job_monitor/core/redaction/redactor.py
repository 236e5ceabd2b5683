"""Masks secrets in texts and arguments before they leave core."""

from __future__ import annotations

import json
from typing import Any

from job_monitor.core.redaction.names import NAMES
from job_monitor.core.redaction.plain_values import PlainValues
from job_monitor.core.redaction.text_redactor import TextRedactor, cut
from job_monitor.core.redaction.values import MASK

__all__ = ["MASK", "NAMES", "Redactor", "cut"]

_COMPACT = json.JSONEncoder(ensure_ascii=False)
_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=1)


class Redactor(TextRedactor):
	"""Masks secrets in texts, and arguments by the names they stand under. See `TextRedactor`."""

	def json(self, value: Any, max_chars: int, pretty: bool = False) -> str:
		"""Arguments as redacted JSON text of at most `max_chars` characters (a cut one ends in "…")."""
		if not value:
			return ""
		encode = _PRETTY.encode if pretty else _COMPACT.encode
		return cut(encode(PlainValues(self, max_chars).convert(value, 0)), max_chars)
