"""Finds secrets in a text: a table of forms, each a function that gives the places (from, to) of what is to be masked.

Every form takes linear time and is looked for only where a text has its marks: no pattern has a repetition within a
repetition, what one has scanned it does not scan again, and what it looks ahead is bounded. The forms are those that
gitleaks and detect-secrets know and that show themselves, without measures of entropy; and those of Frappe's commands.
Secrets known by what stands around them are in `secret_shapes`, by their maker's prefix in `secret_tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from job_monitor.core.redaction import shapes, tokens
from job_monitor.core.redaction.names import DOUBTFUL, HARMLESS, SECRET, SecretNames
from job_monitor.core.redaction.values import (
	Brackets,
	Span,
	header,
	is_count,
	looks_secret,
	quoted,
	start_of,
	value,
	values,
)

# name = 'x', "name": "x", \"name\": \"x\", name => x, d["name"] = x, `name`='x'

_LETTER = r"[^\x00-,./:-@\[-^`{-\x7f]"
"""Letters of any script, digits, _ and -: as a set of what it is not, which takes half the time of \\w."""

# Where a name does not end before what may stand behind one, nothing else is tried
_NAME = re.compile(
	rf"(?<!{_LETTER})({_LETTER}+)(?=[\\\"'`\] \t=:!])"
	r"(?:\\{0,15}[\"'`])?\]?[ \t]*(=>|!=|[=:]{1,3})[ \t]*"
)
_EXCEPTIONS = ("Error", "Exception", "Warning", "Expired", "Stopped")
"""`KeyError: 'customer'` names no key."""

_HEADERS = ("authorization", "cookie")
"""Their values go to the end of the line: one that was only doubted would be read again and again."""
_IN_QUERY = frozenset(("code", "sig"))
"""Parameters of a URL that are secrets, if they look like any: of OAuth and of signed links."""

_CODE = re.compile(r'^[ \t|]*File "[^"\n]+", line \d[^\n]*\n([^\n]*)', re.MULTILINE)
"""A line of code in a traceback: what stands bare behind a name there is an expression, no value."""

_OPEN = ("[", "(", "{")
"""Values in brackets hold one another, so only their beginnings are looked at; others are gone through once, whole."""

_LITERAL_CHARS = 200
"""How far before a name the quote that opens a text is looked for."""


def named(text: str, names: SecretNames) -> Iterator[Span]:
	in_code, brackets = _code_lines(text), Brackets(text)
	done = doubted = 0
	for pair in _NAME.finditer(text):
		at, name, mark = pair.start(), pair[1], pair[2]
		if at < done or name.endswith(_EXCEPTIONS):
			continue
		strength = _strength(name, before := text[max(0, at - 1) : at], names)
		is_pass = mark == "=" and name.lower() == "pass"
		# A value that looks like no secret holds none that does
		if strength == HARMLESS or (strength == DOUBTFUL and at < doubted and not is_pass):
			continue
		if in_code(at) and not _is_in_literal(text, pair, before):
			found = _in_code(text, pair.end())
		elif mark == ":" and strength == SECRET and name.lower().endswith(_HEADERS):
			found = header(text, pair.end(), before)
		else:
			found = value(text, pair.end(), brackets)
		if found is None:
			continue
		inside = start_of(text, found) if text.startswith(_OPEN, found[0]) else text[slice(*found)]
		certain = not inside.isdigit() if is_pass else strength == SECRET and not is_count(name, inside)
		if certain or looks_secret(inside):
			done = found[1]
			yield found
		elif " " not in inside:
			doubted = found[0] + len(inside)


def _is_in_literal(text: str, pair: re.Match[str], before: str) -> bool:
	"""Whether a quote is open on the line before this name: what stands in a text of the code is text.

	The quotes of the name itself (`d["password"] = x`) are no such text.
	"""
	at = pair.start() - (before in ("'", '"') and before in pair[0][len(pair[1]) :])
	start = max(0, at - _LITERAL_CHARS)
	line = text[max(start, text.rfind("\n", start, at) + 1) : at]
	return line.count('"') % 2 == 1 or line.count("'") % 2 == 1


def _strength(name: str, before: str, names: SecretNames) -> int:
	strength = names.strength(name)
	return DOUBTFUL if strength == HARMLESS and before in ("?", "&") and name in _IN_QUERY else strength


def _in_code(text: str, at: int) -> Span | None:
	found = quoted(text, at)
	# f"{key}:{secret}" tells what is put together, and no value
	return None if found and text[found[0]] in "fF" and "{" in start_of(text, found) else found


def _code_lines(text: str) -> Callable[[int], bool]:
	"""A function that tells of one place after the other, each behind the one before, whether it is in a line of code."""
	lines = _CODE.finditer(text) if 'File "' in text else iter(())
	line = next(lines, None)

	def in_code(at: int) -> bool:
		nonlocal line
		while line is not None and line.end() <= at:
			line = next(lines, None)
		return line is not None and line.start(1) <= at

	return in_code


# --password x, mysql -px

_OPTION = re.compile(r"(?<![\w\[-])--([\w-]+)[ \t]+(?!-)")
_PROSE = frozenset(
	"is to or and option flag must was requires with for argument can may needs has not if in".split()
)
_COMMANDS = {
	"mysql": re.compile(r"(?<!\S)-p(?=[^\s\"'])"),
	"mariadb": re.compile(r"(?<!\S)-p(?=[^\s\"'])"),
	"sshpass": re.compile(r"\bsshpass[ \t]{1,9}-p[ \t]{0,9}"),
	"redis-cli": re.compile(r"(?<!\S)-a[ \t]{1,9}"),
	"curl": re.compile(r"(?<!\S)(?:-u|--user)[ \t=]{0,9}[^\s:\"']{0,64}:"),
	"docker login": re.compile(r"(?<!\S)-p[ \t]{1,9}"),
	"set-admin-password": re.compile(r"\bset-admin-password[ \t]{1,9}"),
}
"""Where a secret begins in what is given to a command; the text names the command."""


def options(text: str, names: SecretNames) -> Iterator[Span]:
	places = (option.end() for option in _OPTION.finditer(text) if names.strength(option[1]) == SECRET)
	yield from (found for found in values(text, places) if start_of(text, found) not in _PROSE)


def commands(text: str, names: SecretNames) -> Iterator[Span]:
	for command, begins in _COMMANDS.items():
		if command in text:
			yield from values(text, (place.end() for place in begins.finditer(text)))


# ["password", "x"]

_PAIR = re.compile(r"[\[(][ \t]{0,9}[bu]?\\{0,15}[\"']([\w .-]{1,64})\\{0,15}[\"'],[ \t]{0,9}")


def pairs(text: str, names: SecretNames) -> Iterator[Span]:
	in_code = _code_lines(text)
	for pair in _PAIR.finditer(text):
		if names.strength(pair[1]) == SECRET and not in_code(pair.start()):
			if found := quoted(text, pair.end()):
				yield found


Form = Callable[[str, SecretNames], Iterator[Span]]

_BY_NAME: Sequence[tuple[tuple[str, ...], Form]] = (
	((":", "="), named),
	(("--",), options),
	(("</",), shapes.tags),
	(('", ', "', ", '","', "','", '\\",'), pairs),
)
"""Marks, of which a text must have one, and the form. All need a name that may be secret besides."""

_BY_SHAPE: Sequence[tuple[tuple[str, ...], Form]] = (
	(("://",), shapes.urls),
	(("earer ", "asic ", "oken ", "pikey ", "EARER ", "ASIC ", "OKEN "), shapes.schemes),
	(("---",), shapes.blocks),
	(tuple(_COMMANDS), commands),
	(("dentified ", "DENTIFIED ", " password '", " PASSWORD '", "assword(", "ASSWORD("), shapes.sql),
)


_NAME_OR_TIME = re.compile(r"[\w.@/+, ()-]{0,200}|[\d :.TZ+-]{0,40}")
_LEAST = 10
"""Characters of the shortest token."""

_IN_WORDS = re.compile("|".join(map(re.escape, ("--", "earer ", "asic ", "oken ", "pikey ", *_COMMANDS))))


def find(text: str, names: SecretNames) -> list[Span]:
	"""Places of secrets, in order, apart from one another."""
	if len(text) < _LEAST and text.isalnum():
		return []
	if _NAME_OR_TIME.fullmatch(text) and (" " not in text or not _IN_WORDS.search(text)):
		# Most arguments are names, ids and times
		return list(tokens.tokens(text, names)) if tokens.may_be_in(text) else []
	forms = [form for marks, form in _BY_SHAPE if any(mark in text for mark in marks)]
	if tokens.may_be_in(text):
		forms.append(tokens.tokens)
	lower = text.lower()
	if any(map(lower.__contains__, names.roots)):
		forms += [form for marks, form in _BY_NAME if any(mark in text for mark in marks)]
	return _joined(sorted(span for form in forms for span in form(text, names)))


def _joined(spans: list[Span]) -> list[Span]:
	joined: list[Span] = []
	for start, end in spans:
		if joined and start < joined[-1][1]:
			joined[-1] = joined[-1][0], max(end, joined[-1][1])
		else:
			joined.append((start, end))
	return joined
