"""Masks what must not be seen, and turns arguments into bounded JSON text, before anything leaves core."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from job_monitor.core import limits
from job_monitor.core.errors import ConfigError
from job_monitor.core.payload import Opaque, dotted

MASK = "********"

_COMPACT = json.JSONEncoder(ensure_ascii=False)
_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=1)

NAMES = (
	"password passwd passphrase pwd secret token key apikey authorization auth credential credentials "
	"cookie cookies session sid otp pin cvv private signature bearer jwt"
).split()
"""A name is masked if one of its words is one of these: `api_key`, `newPassword`, `X-Auth-Token`."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_URL = re.compile(r"(://[^\s:/@]*:)[^\s/]+(?=@)")
_SCHEME = re.compile(r"(?i)\b(bearer|basic|token)\s+[\w.~+/=-]{8,}")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL)

# The name of name = 'value', "name": "value", name=value, Name: value. No pattern here tries a text more than twice
_NAME = re.compile(r"(?<![\w-])([\w-]+)[\"']?\s*[=:]\s*")
_EXCEPTIONS = ("Error", "Exception", "Warning", "Expired", "Stopped")
"""`KeyError: 'customer'` names no key."""

_VALUE = re.compile(
	r"[bruBRU]{0,2}(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|[^\s,;&)}\]]+",
	re.DOTALL,
)


class Redactor:
	"""Masks values by the name they stand under, and secrets inside free text.

	Args:
		names: Words (letters only) masked besides `NAMES`.
	"""

	def __init__(self, names: Iterable[str] = ()) -> None:
		extra = [name.strip().lower() for name in names if name.strip()]
		if bad := [name for name in extra if not name.isalnum()]:
			raise ConfigError(f"redacted names are single words, not {bad[0]!r}")
		self.names = frozenset([*NAMES, *extra])
		self.hides = lru_cache(maxsize=4096)(self._hides)

	def _hides(self, name: str) -> bool:
		"""Whether a value under this name is masked."""
		words = [word.lower() for word in _WORDS.findall(name[: limits.PATTERN_CHARS])]
		joined = name.lower() in self.names
		return joined or any(w in self.names or w.removesuffix("s") in self.names for w in words)

	def clean_text(self, text: str) -> str:
		"""Text with passwords in URLs, bearer tokens and `name = value` secrets masked."""
		if "://" in text:
			text = _URL.sub(rf"\1{MASK}", text)
		if " " in text:
			text = _SCHEME.sub(rf"\1 {MASK}", text)
		if "PRIVATE KEY-----" in text:
			text = _PRIVATE_KEY.sub(MASK, text)
		return self._clean_pairs(text) if ":" in text or "=" in text else text

	def _clean_pairs(self, text: str) -> str:
		parts: list[str] = []
		done = 0
		for pair in _NAME.finditer(text):
			name = pair[1][: limits.PATTERN_CHARS]
			if pair.start() < done or name.endswith(_EXCEPTIONS) or not self.hides(name):
				continue
			if value := _VALUE.match(text, pair.end()):
				parts += text[done : pair.end()], MASK
				done = value.end()
		return "".join([*parts, text[done:]])

	def json(self, value: Any, max_chars: int, pretty: bool = False) -> str:
		"""Arguments as redacted JSON text of at most `max_chars` characters (a cut one ends in "…")."""
		if not value:
			return ""
		encode = _PRETTY.encode if pretty else _COMPACT.encode
		return cut(encode(_Plain(self).convert(value, 0)), max_chars)


def cut(text: str, max_chars: int) -> str:
	return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


class _Plain:
	"""Arguments as plain JSON values, bounded in depth and number."""

	def __init__(self, redactor: Redactor) -> None:
		self.redactor = redactor
		self.left = limits.VALUE_NODES

	def convert(self, value: Any, depth: int) -> Any:
		self.left -= 1
		if value is None or isinstance(value, bool):
			return value
		if isinstance(value, str):
			return self.string(value)
		if isinstance(value, (int, float)):
			return number(value)
		if depth >= limits.VALUE_DEPTH or self.left <= 0:
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
			return self.string(cut(str(value), limits.LIST_TEXT_CHARS))
		except Exception as error:  # a hostile pickle can build a UUID or a date that has no text
			return f"<{type(value).__name__}: {type(error).__name__}>"

	def string(self, value: str) -> str:
		value = cut(value, limits.TEXT_CHARS)
		if not value.isascii():
			value = value.encode("utf-8", "replace").decode()
		# Most strings are names and ids; only those that could hold a pair or a scheme are searched
		return self.redactor.clean_text(value) if len(value) > 8 and not value.isalnum() else value

	def mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
		result: dict[str, Any] = {}
		for key, item in value.items():
			if self.left <= 0:
				result["…"] = "…"
				break
			name = _name(key if isinstance(key, str) else str(self.convert(key, depth + 1)))
			result[name] = (
				MASK if self.redactor.hides(name) and item is not None else self.convert(item, depth + 1)
			)
		return result

	def sequence(self, value: Iterable[Any], depth: int) -> list[Any]:
		result: list[Any] = []
		for item in value:
			if self.left <= 0:
				result.append("…")
				break
			result.append(self.convert(item, depth + 1))
		return result

	def opaque(self, value: Opaque, depth: int) -> dict[str, Any]:
		parts = {"args": value.args, "items": dict(value), "elements": value.elements, "state": value.state}
		shown = {name: self.convert(part, depth + 1) for name, part in parts.items() if part}
		return {_name(f"<{value.path}>"): shown}


def _name(text: str) -> str:
	text = cut(text, limits.PATTERN_CHARS)
	return text if text.isascii() else text.encode("utf-8", "replace").decode()


def number(value: int | float) -> int | float | str:
	"""Numbers as they are; those JSON or Python would not print as text."""
	if isinstance(value, float):
		return value if math.isfinite(value) else str(value)
	return value if value.bit_length() < 4096 else f"<integer of {value.bit_length():,} bits>"
