"""Arguments as plain JSON values: masked and bounded."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Any

from rq.timeouts import BaseTimeoutException

from job_monitor.core import limits
from job_monitor.core.pickles.payload import dotted
from job_monitor.core.pickles.stand_ins import Opaque
from job_monitor.core.redaction import forms
from job_monitor.core.redaction.items import named_pair, secret_items
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.redaction.values import MASK, cut

_COMPACT = json.JSONEncoder(ensure_ascii=False)
_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=1)


def as_json(redactor: Redactor, value: Any, max_chars: int, pretty: bool = False) -> str:
	"""Arguments as redacted JSON text of at most `max_chars` characters (a cut one ends in "…")."""
	if not value:
		return ""
	encode = _PRETTY.encode if pretty else _COMPACT.encode
	return cut(encode(PlainValues(redactor, max_chars).convert(value, 0)), max_chars)


class PlainValues:
	"""Arguments as plain JSON values, masked, bounded in depth, number and characters: hidden values are never built."""

	def __init__(self, redactor: Redactor, max_chars: int) -> None:
		self.redactor = redactor
		self.left = limits.VALUE_NODES
		self.room = max_chars

	def convert(self, value: Any, depth: int) -> Any:
		"""The plain value of an argument."""
		self.left -= 1
		self.room = self.room - 2 if self.left > 0 else 0
		if isinstance(value, str):
			return self._string(value)
		if value is None or isinstance(value, bool):
			return value
		if isinstance(value, (int, float)):
			self.room -= value.bit_length() // 4 if isinstance(value, int) else 0
			return number(value)
		if depth >= limits.VALUE_DEPTH or self.room <= 0:
			return "…"
		if isinstance(value, Opaque):
			plain = value.plain()
			return self._opaque(value, depth) if plain is value else self.convert(plain, depth + 1)
		if isinstance(value, dict):
			return self._mapping(value, depth)
		if isinstance(value, (list, tuple, set, frozenset)):
			return self._sequence(value, depth)
		if isinstance(value, (bytes, bytearray)):
			return f"<{len(value):,} bytes>"
		return _name(f"<{dotted(value)}>") if isinstance(value, type) else self._other(value)

	def _other(self, value: Any) -> str:
		try:
			return self._string(str(value), limits.LIST_TEXT_CHARS)
		except BaseTimeoutException:
			raise
		except Exception as error:  # a hostile pickle can build a date that has no text
			return f"<{type(value).__name__}: {type(error).__name__}>"

	def _string(self, value: str, max_chars: int = limits.TEXT_CHARS) -> str:
		if max_chars > self.room + 2:
			max_chars = max(self.room, 0) + 2
		if not value.isascii():
			value = value[: max_chars + limits.SECRET_CHARS].encode("utf-8", "replace").decode()
		# Most strings are short, and names or ids
		if len(value) > max_chars or forms.find(value, self.redactor.names):
			value = self.redactor.clean_start(value, max_chars)
		self.room -= len(value)
		return value

	def _mask(self, before: str = "") -> str:
		self.left -= 1
		self.room = self.room - len(before) - len(MASK) if self.left > 0 else 0
		return before + MASK

	def _mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
		result: dict[str, Any] = {}
		hides, strength = self.redactor.hides, self.redactor.names.strength
		secret = named_pair(value, self.redactor.names)
		for key, item in value.items():
			if self.room <= 0:
				result["…"] = "…"
				break
			name = key if isinstance(key, str) else self._key(key, depth)
			if len(name) > limits.PATTERN_CHARS or not name.isascii():
				name = _name(name)
			self.room -= len(name)
			if (strength(name) and hides(name, item)) or (name in secret and item is not None):
				result[name] = self._mask()
			else:
				result[name] = self.convert(item, depth + 1)
		return result

	def _key(self, key: Any, depth: int) -> str:
		if isinstance(key, (bytes, bytearray)):
			return bytes(key[: limits.PATTERN_CHARS]).decode("utf-8", "replace")
		return str(self.convert(key, depth + 1))

	def _sequence(self, value: Collection[Any], depth: int) -> list[Any]:
		result: list[Any] = []
		secret = secret_items(value, self.redactor.names)
		for at, item in enumerate(value):
			if self.room <= 0:
				result.append("…")
				break
			result.append(self._mask(secret[at]) if at in secret else self.convert(item, depth + 1))
		return result

	def _opaque(self, value: Opaque, depth: int) -> dict[str, Any]:
		path = _name(f"<{value.path}>")
		self.room -= len(path)
		shown: dict[str, Any] = {}
		for name, part in (("args", value.args), ("elements", value.elements), ("state", value.state)):
			if part:
				shown[name] = self.convert(part, depth + 1)
		# Its items are not copied: a small pickle can hold the same thousands of items in thousands of places
		if value:
			shown["items"] = self._mapping(value, depth + 1) if depth + 1 < limits.VALUE_DEPTH else "…"
		return {path: shown}


def _name(text: str) -> str:
	text = cut(text, limits.PATTERN_CHARS)
	return text if text.isascii() else text.encode("utf-8", "replace").decode()


def number(value: int | float) -> int | float | str:
	"""The number, or a text for one that JSON or Python does not print."""
	if isinstance(value, float):
		return value if math.isfinite(value) else str(value)
	return value if value.bit_length() < 4096 else f"<integer of {value.bit_length():,} bits>"
