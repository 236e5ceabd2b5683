"""SQL's `like` in Python, in linear time: `%` stands for any text, `_` for one character, a backslash for no magic."""

from __future__ import annotations

import re
from functools import lru_cache

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.wording import say

_PARTS = re.compile(r"\\.|[%_\\]|[^\\%_]+", re.DOTALL)


class Like:
	"""A pattern to match texts with, upper and lower case alike.

	The text between two `%` is searched once, from the end of the match before it: an earlier match leaves later parts
	more room. So a match takes at worst the length of the text times that of the longest part, however many `%` there are.

	Raises:
		InvalidQuery: Longer than `limits.LIKE_CHARS`.
	"""

	def __init__(self, pattern: str) -> None:
		if len(pattern) > limits.LIKE_CHARS:
			raise InvalidQuery(say("a pattern has at most {0} characters", limits.LIKE_CHARS))
		self._literals = [""]
		segments: list[list[str]] = [[]]
		chars = 0
		for part in _PARTS.findall(pattern.lower()):
			if part == "%":
				segments.append([])
				chars = 0
			elif part == "_":
				segments[-1].append(".")
				chars += 1
			else:
				literal = part[1:] if len(part) == 2 and part[0] == "\\" else part
				self._literals.append(literal)
				segments[-1].append(re.escape(literal))
				chars += len(literal)
		self._first, *self._others = (re.compile("".join(segment), re.DOTALL) for segment in segments)
		self._last_chars = chars

	@property
	def longest_literal(self) -> str:
		"""A text that is part of each match, in lower case; "" if none is known."""
		return max(self._literals, key=len)

	def fits(self, text: str) -> bool:
		"""Whether the whole text matches."""
		text = text.lower()
		if not self._others:
			return self._first.fullmatch(text) is not None
		if not all(literal in text for literal in self._literals):
			return False
		found = self._first.match(text)
		for segment in self._others[:-1]:
			found = found and segment.search(text, found.end())
		end = len(text) - self._last_chars
		return found is not None and found.end() <= end and self._others[-1].fullmatch(text, end) is not None


@lru_cache(maxsize=256)
def like(pattern: str) -> Like:
	"""The `Like` of a pattern, cached: a list matches each of its rows with the same pattern.

	Raises:
		InvalidQuery: As `Like`.
	"""
	return Like(pattern)
