"""Masks what must not be seen, and turns arguments into bounded JSON text, before anything leaves core."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from typing import Any

from rq.timeouts import BaseTimeoutException

from job_monitor.core import limits
from job_monitor.core.pickles.inert import Opaque
from job_monitor.core.pickles.payload import dotted
from job_monitor.core.redaction import forms
from job_monitor.core.redaction.items import named_pair, secret_items
from job_monitor.core.redaction.names import HARMLESS, NAMES, SECRET, SecretNames
from job_monitor.core.redaction.values import MASK, is_count

__all__ = ["MASK", "NAMES", "Redactor", "cut"]

_COMPACT = json.JSONEncoder(ensure_ascii=False)
_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=1)


class Redactor:
	"""Masks values by the name they stand under, and secrets inside free text. Takes linear time, and never raises anything
	but the time limit of whoever set one.

	Args:
		names: Names masked besides `NAMES`, as `secret_names.SecretNames` takes them.
	"""

	def __init__(self, names: Iterable[str] = ()) -> None:
		self.names = SecretNames(names)

	def hides(self, name: str, value: Any) -> bool:
		"""Whether this argument is masked. Nothing at all is not, nor is a number that a name in the plural counts."""
		strength = self.names.strength(name)
		if strength == HARMLESS or value is None or value == "":
			return False
		if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
			return strength == SECRET
		return not (isinstance(value, (int, float)) and is_count(name, str(int(value))))

	def clean_text(self, text: str) -> str:
		"""Text with its secrets masked (`secret_forms`), cut to `limits.TEXT_CHARS`."""
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
		"""A traceback, masked. A long one loses its middle: what is kept is its beginning and its end.

		Where the last line alone is too long (an error may carry megabytes), what is kept is the frames before it, its
		beginning, which names the error, and its end.
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
		"""A part of a text, masked by what lies around it, too. Time by its length, not by that of the text."""
		before = max(0, start - limits.SECRET_CHARS)
		return self._masked(text[before : end + limits.SECRET_CHARS], start - before, end - before)

	def _masked(self, text: str, start: int, end: int) -> str:
		"""From start to end; what lies around is looked at, too, so that a secret is known that is cut in two."""
		parts: list[str] = []
		for first, last in forms.find(text, self.names):
			if last > start and first < end:
				parts += text[start:first], MASK
				start = last
		return "".join([*parts, text[start:end]]) if parts else text[start:end]

	def json(self, value: Any, max_chars: int, pretty: bool = False) -> str:
		"""Arguments as redacted JSON text of at most `max_chars` characters (a cut one ends in "…")."""
		if not value:
			return ""
		encode = _PRETTY.encode if pretty else _COMPACT.encode
		return cut(encode(_Plain(self, max_chars).convert(value, 0)), max_chars)


def cut(text: str, max_chars: int) -> str:
	return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


class _Plain:
	"""Arguments as plain JSON values, bounded in depth, number and characters: what would not be shown is not made."""

	def __init__(self, redactor: Redactor, max_chars: int) -> None:
		self.redactor = redactor
		self.left = limits.VALUE_NODES
		self.room = max_chars

	def convert(self, value: Any, depth: int) -> Any:
		self.left -= 1
		self.room = self.room - 2 if self.left > 0 else 0
		if isinstance(value, str):
			return self.string(value)
		if value is None or isinstance(value, bool):
			return value
		if isinstance(value, (int, float)):
			self.room -= value.bit_length() // 4 if isinstance(value, int) else 0
			return number(value)
		if depth >= limits.VALUE_DEPTH or self.room <= 0:
			return "…"
		if isinstance(value, Opaque):
			plain = value.plain()
			return self.opaque(value, depth) if plain is value else self.convert(plain, depth + 1)
		if isinstance(value, dict):
			return self.mapping(value, depth)
		if isinstance(value, (list, tuple, set, frozenset)):
			return self.sequence(value, depth)
		if isinstance(value, (bytes, bytearray)):
			return f"<{len(value):,} bytes>"
		return _name(f"<{dotted(value)}>") if isinstance(value, type) else self.other(value)

	def other(self, value: Any) -> str:
		try:
			return self.string(str(value), limits.LIST_TEXT_CHARS)
		except BaseTimeoutException:
			raise
		except Exception as error:  # a hostile pickle can build a date that has no text
			return f"<{type(value).__name__}: {type(error).__name__}>"

	def string(self, value: str, max_chars: int = limits.TEXT_CHARS) -> str:
		if max_chars > self.room + 2:
			max_chars = max(self.room, 0) + 2
		if not value.isascii():
			value = value[: max_chars + limits.SECRET_CHARS].encode("utf-8", "replace").decode()
		# Most strings are short, and names or ids
		if len(value) > max_chars or forms.find(value, self.redactor.names):
			value = self.redactor.clean_start(value, max_chars)
		self.room -= len(value)
		return value

	def mask(self, before: str = "") -> str:
		self.left -= 1
		self.room = self.room - len(before) - len(MASK) if self.left > 0 else 0
		return before + MASK

	def mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
		result: dict[str, Any] = {}
		hides, strength = self.redactor.hides, self.redactor.names.strength
		secret = named_pair(value, self.redactor.names)
		for key, item in value.items():
			if self.room <= 0:
				result["…"] = "…"
				break
			name = key if isinstance(key, str) else self.key(key, depth)
			if len(name) > limits.PATTERN_CHARS or not name.isascii():
				name = _name(name)
			self.room -= len(name)
			if (strength(name) and hides(name, item)) or (name in secret and item is not None):
				result[name] = self.mask()
			else:
				result[name] = self.convert(item, depth + 1)
		return result

	def key(self, key: Any, depth: int) -> str:
		if isinstance(key, (bytes, bytearray)):
			return bytes(key[: limits.PATTERN_CHARS]).decode("utf-8", "replace")
		return str(self.convert(key, depth + 1))

	def sequence(self, value: Collection[Any], depth: int) -> list[Any]:
		result: list[Any] = []
		secret = secret_items(value, self.redactor.names)
		for at, item in enumerate(value):
			if self.room <= 0:
				result.append("…")
				break
			result.append(self.mask(secret[at]) if at in secret else self.convert(item, depth + 1))
		return result

	def opaque(self, value: Opaque, depth: int) -> dict[str, Any]:
		path = _name(f"<{value.path}>")
		self.room -= len(path)
		shown: dict[str, Any] = {}
		for name, part in (("args", value.args), ("elements", value.elements), ("state", value.state)):
			if part:
				shown[name] = self.convert(part, depth + 1)
		# Its items are not copied to be shown: a small pickle has the same thousands of them in thousands of places
		if value:
			shown["items"] = self.mapping(value, depth + 1) if depth + 1 < limits.VALUE_DEPTH else "…"
		return {path: shown}


def _name(text: str) -> str:
	text = cut(text, limits.PATTERN_CHARS)
	return text if text.isascii() else text.encode("utf-8", "replace").decode()


def number(value: int | float) -> int | float | str:
	"""Numbers as they are; those JSON or Python would not print as text."""
	if isinstance(value, float):
		return value if math.isfinite(value) else str(value)
	return value if value.bit_length() < 4096 else f"<integer of {value.bit_length():,} bits>"
