"""Makes text from jobs, workers, logs and errors safe for a terminal, where it moves, hides and reorders nothing.

Replaced are control characters (C0 and C1, so every escape sequence), the marks that turn the direction of writing,
characters that take no room, and separators of lines that terminals know nothing of. What joins letters (U+200C,
U+200D) is kept: Persian, Hindi and others are not spelled without it.
"""

from __future__ import annotations

_RANGES = (
	(0x00, 0x1F),
	(0x7F, 0x9F),
	(0xAD, 0xAD),  # soft hyphen
	(0x034F, 0x034F),
	(0x061C, 0x061C),  # right to left
	(0x115F, 0x1160),
	(0x17B4, 0x17B5),
	(0x180B, 0x180F),
	(0x200B, 0x200B),
	(0x200E, 0x200F),
	(0x2028, 0x202E),  # lines, paragraphs, embeddings and overrides
	(0x2060, 0x206F),  # isolates
	(0x3164, 0x3164),
	(0xD800, 0xDFFF),
	(0xFEFF, 0xFEFF),
	(0xFFA0, 0xFFA0),
	(0xFFF9, 0xFFFB),
	(0x1BCA0, 0x1BCA3),
	(0x1D173, 0x1D17A),
	(0xE0000, 0xE0FFF),  # tags
)

HIDDEN = frozenset(code for first, last in _RANGES for code in range(first, last + 1))
"""Code points that are replaced."""

_LINES = dict.fromkeys(HIDDEN - {ord("\n"), ord("\t")}, "\ufffd")
_LINE = {**_LINES, ord("\n"): " ", ord("\t"): " "}


def lines(text: str) -> str:
	"""The text, with its lines and tabs."""
	return text if text.isascii() and text.isprintable() else text.translate(_LINES)


def line(text: str) -> str:
	"""The text as one line."""
	return text if text.isascii() and text.isprintable() else text.translate(_LINE)


def json(text: str) -> str:
	"""The JSON, with each such character as an escape of JSON's own."""
	return text.translate(_JSON)


def _json_escape(code: int) -> str:
	units = chr(code).encode("utf-16-be", "surrogatepass")
	return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


_JSON = {code: _json_escape(code) for code in HIDDEN - {ord("\n")}}
