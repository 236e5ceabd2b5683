"""Masks secrets in texts before they leave core; `plain_values` does so in arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from job_monitor.core import limits
from job_monitor.core.redaction import forms
from job_monitor.core.redaction.names import HARMLESS, SECRET, SecretNames
from job_monitor.core.redaction.values import MASK, cut, is_count


class Redactor:
	"""Masks secrets in texts. Takes linear time, and raises nothing but a time limit of its caller.

	Args:
		names: Names masked besides `names.NAMES`, as `names.SecretNames` takes them.
	"""

	def __init__(self, names: Iterable[str] = ()) -> None:
		self.names = SecretNames(names)

	def hides(self, name: str, value: Any) -> bool:
		"""Whether an argument of this name is masked. An empty one is not, nor is a number under a name in the plural."""
		strength = self.names.strength(name)
		if strength == HARMLESS or value is None or value == "":
			return False
		if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
			return strength == SECRET
		return not (isinstance(value, (int, float)) and is_count(name, str(int(value))))

	def clean_text(self, text: str) -> str:
		"""The text with its secrets masked (`forms`), cut to `limits.TEXT_CHARS`."""
		return self.clean_start(text, limits.TEXT_CHARS)

	def clean_start(self, text: str, max_chars: int) -> str:
		"""The beginning of a text, masked; a cut one ends in "…". Time by `max_chars`, not by the length of the text."""
		part = text[: max_chars + limits.SECRET_CHARS]
		return cut(self._masked(part, 0, max_chars) + ("…" if len(text) > max_chars else ""), max_chars)

	def clean_end(self, text: str, max_chars: int) -> str:
		"""The end of a text, masked; a cut one begins with "…"."""
		part = text[-max_chars - limits.SECRET_CHARS :]
		start = max(0, len(part) - max_chars)
		cleaned = ("…" if len(text) > max_chars else "") + self._masked(part, start, len(part))
		return cleaned if len(cleaned) <= max_chars else "…" + cleaned[len(cleaned) - max_chars + 1 :]

	def clean_traceback(self, text: str, max_chars: int) -> str:
		"""A traceback, masked. A long one loses its middle.

		Where the last line alone is too long (an error may carry megabytes), the frames before it, its beginning, which
		names the error, and its end are kept.
		"""
		length = len(text)
		if length <= max_chars:
			return self.clean_end(text, max_chars)
		quarter = (max_chars - 2) // 4
		line = text.rfind("\n", 0, len(text.rstrip())) + 1
		start, middle, tail = 0, quarter, 3 * quarter
		if length - line > 2 * quarter:
			start, middle, tail = max(0, line - 2 * quarter), line + quarter, quarter
		first = self._span(text, start, middle)[: middle - start]
		return ("…" if start else "") + first + "…" + self._span(text, length - tail, length)[-tail:]

	def _span(self, text: str, start: int, end: int) -> str:
		"""A part of a text, masked; the text around it is read, too. Time by its length, not by that of the text."""
		before = max(0, start - limits.SECRET_CHARS)
		return self._masked(text[before : end + limits.SECRET_CHARS], start - before, end - before)

	def _masked(self, text: str, start: int, end: int) -> str:
		"""The text from start to end, masked; the text around is read, too, so that a secret cut in two is found."""
		parts: list[str] = []
		for first, last in forms.find(text, self.names):
			if last > start and first < end:
				parts += text[start:first], MASK
				start = last
		return "".join([*parts, text[start:end]]) if parts else text[start:end]
