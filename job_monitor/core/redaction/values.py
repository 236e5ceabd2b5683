"""Values behind secret names in a text: where they end, whether they look like secrets, and what stands for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from job_monitor.core import limits

Span = tuple[int, int]

_OPENING = re.compile(r"[bfruBFRU]{0,2}(\\{0,15})([\"'`])")
_CLOSED = {quote: re.compile(rf"[^{quote}\\\n]*(?:\\.[^{quote}\\\n]*)*{quote}") for quote in "\"'`"}
_LINE = re.compile(r"[^\n]*")
_BRACKET = re.compile(r"[\[\](){}]")

_STOP = re.compile(r"[\s,;:|&<>\"'`)\]}\\]")
_ENDS = re.compile(
	r"\s"
	r"|[,;|](?:[\s\"'`)\]}]|\Z|[\w.-]{1,64}[\"']?[=:])"
	r"|[:>](?:[\s<]|\Z)"
	r"|&(?:amp;)?[\w.%-]{1,64}="
	r"|<(?:/|[A-Za-z][\w-]{0,20}\s?/?>)"
	r"|[\"'`)\]}](?:[\s,;:.&<\"'`)\]}>\\]|\Z)"
	r"|\\{1,15}[\"'`]"
)
"""Where a bare value ends: commas, quotes and brackets are part of it unless the text behind them shows that it is over,
as in `x, y` and `x,b=1` but not in `x,y`."""

_LINE_ENDS = r"\n|\\{1,15}[nr]"
_HEADER_ENDS = {
	"": re.compile(_LINE_ENDS),
	**{quote: re.compile(rf"{_LINE_ENDS}|\\{{0,15}}{quote}") for quote in "\"'`"},
}
"""Where a header ends: with its line, or with the quotes that it stands in."""

_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|digest|negotiate|apikey|hmac)[ \t]+")

_NOTHING = re.compile(
	r"(?i)(?:none|null|nil|undefined|true|false|string|str|bytes|int|bool|any|yes|no|%s|%\(\w{1,64}\)s|\?|:\w{1,64}"
	r"|\$\{?\w{1,64}\}?|\{\{?[\w. |()\[\]'\"]{0,64}\}\}?|\[\]|\(\)|[.…]{1,3})(?:(?=\s|[,;:)\]}'\"`]{1,5}(?:\s|\Z))|\Z)"
)
"""No value, a type, or a place where one will be put in."""

MASK = "********"


def quoted(text: str, at: int) -> Span | None:
	"""The value in quotes that begins here, with its quotes, `\\"` in JSON within JSON included; None if none does.

	One that is never closed goes to the end of its line; an empty one is no value.
	"""
	opening = _OPENING.match(text, at)
	if opening is None:
		return None
	start = opening.end()
	end = _closing(len(opening[1]), opening[2]).match(text, start)
	if end is None:
		return at, _end_of_line(text, start)
	return None if end.end() - start <= len(opening[1]) + 1 else (at, end.end())


@lru_cache(maxsize=64)
def _closing(backslashes: int, quote: str) -> re.Pattern[str]:
	if not backslashes:
		return _CLOSED[quote]
	return re.compile(rf"[^\n]*?(?<!\\)\\{{{backslashes}}}{quote}")


def _end_of_line(text: str, at: int) -> int:
	found = _LINE.match(text, at)
	return found.end() if found else at


class Brackets:
	"""Where the brackets of a text close. Each part of the text is scanned once."""

	def __init__(self, text: str) -> None:
		self.text = text
		self.ends: dict[int, int] = {}
		self.seen = 0

	def end(self, at: int) -> int:
		"""Index behind the bracket that closes the bracket here; the end of the text if none does."""
		if at >= self.seen:
			self.seen = self._scan(at)
		return self.ends.get(at, len(self.text))

	def _scan(self, at: int) -> int:
		opened: list[int] = []
		for bracket in _BRACKET.finditer(self.text, at):
			if bracket[0] in "[({":
				opened.append(bracket.start())
				continue
			self.ends[opened.pop()] = bracket.end()
			if not opened:
				return bracket.end()
		return len(self.text)


def values(text: str, places: Iterable[int]) -> Iterator[Span]:
	"""The values that begin at these places, without those within another: no text is scanned twice."""
	done, brackets = 0, Brackets(text)
	for at in places:
		if at >= done and (found := value(text, at, brackets)):
			done = found[1]
			yield found


def start_of(text: str, span: Span) -> str:
	"""The beginning of a value, long enough for `looks_secret`."""
	return text[span[0] : min(span[1], span[0] + limits.SECRET_CHARS)]


def value(text: str, at: int, brackets: Brackets) -> Span | None:
	"""The value that begins here: in quotes, in brackets, or up to where a bare one ends. None if there is none."""
	if at >= len(text) or text.startswith(MASK, at) or _NOTHING.match(text, at):
		return None
	if _OPENING.match(text, at):
		return quoted(text, at)
	if text[at] in "[{(":
		end = brackets.end(at)
	else:
		scheme = _SCHEME.match(text, at)
		# A tag ends a value, but <x> may be one
		end = _end(text, scheme.end() if scheme else at + (text[at] == "<"))
	return (at, end) if end > at else None


def header(text: str, at: int, before: str) -> Span | None:
	"""The value of Authorization or of Cookie: the rest of its line.

	Args:
		before: The character before the header's name: if it is a quote, the value goes up to the next one.
	"""
	if text.startswith(MASK, at) or _OPENING.match(text, at):
		return value(text, at, Brackets(text))
	end = _HEADER_ENDS.get(before, _HEADER_ENDS[""]).search(text, at)
	return at, end.start() if end else len(text)


def _end(text: str, at: int) -> int:
	for stop in _STOP.finditer(text, at):
		if _ENDS.match(text, stop.start()):
			return stop.start()
	return len(text)


_SMALL_LETTER, _DIGIT = re.compile("[a-z]"), re.compile(r"\d")


def looks_secret(text: str) -> bool:
	"""Whether a value is no word, number or name of a document: six characters with a digit and a small letter, or long
	and of large and small letters."""
	text = text.strip("\\\"'` ")
	if len(text) < 6 or " " in text or not _SMALL_LETTER.search(text):
		return False
	return bool(_DIGIT.search(text)) or (len(text) >= 24 and text.isalnum() and not text.islower())


def is_count(name: str, text: str) -> bool:
	"""Whether it is a number under a name in the plural: `max_tokens: 4096`."""
	return name.lower().endswith("s") and text.strip("\\\"'` ").isdigit()


_CODE = re.compile(r'^[ \t|]*File "[^"\n]+", line \d[^\n]*\n([^\n]*)', re.MULTILINE)


def code_lines(text: str) -> Callable[[int], bool]:
	"""A function that answers whether an index is in a line of code of a traceback; each index is behind the one before.

	A bare value behind a name there is an expression, and no secret.
	"""
	lines = _CODE.finditer(text) if 'File "' in text else iter(())
	line = next(lines, None)

	def in_code(at: int) -> bool:
		nonlocal line
		while line is not None and line.end() <= at:
			line = next(lines, None)
		return line is not None and line.start(1) <= at

	return in_code


def cut(text: str, max_chars: int) -> str:
	"""The text in at most so many characters; a cut one ends in "…"."""
	return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
