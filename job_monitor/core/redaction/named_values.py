"""Secrets in a text that stand behind their name: `password=x`, `"token": "x"`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from job_monitor.core.redaction.names import DOUBTFUL, HARMLESS, SECRET, SecretNames
from job_monitor.core.redaction.values import (
	Brackets,
	Span,
	code_lines,
	header,
	is_count,
	looks_secret,
	quoted,
	start_of,
	value,
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
"""Their values go to the end of the line: a doubtful one would be read again and again."""
_IN_QUERY = frozenset(("code", "sig"))
"""Parameters of a URL that are secrets, if they look like any: of OAuth and of signed links."""

_OPEN = ("[", "(", "{")
"""Values in brackets hold one another, so only their beginnings are looked at; others are gone through once, whole."""

_LITERAL_CHARS = 200
"""How far before a name the quote that opens a string is looked for."""


def named(text: str, names: SecretNames) -> Iterator[Span]:
	"""Values behind a name: `password=x`."""
	in_code, brackets = code_lines(text), Brackets(text)
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
	"""Whether a quote is open on the line before this name, so that the name stands in a string of the code.

	The quotes of the name itself (`d["password"] = x`) are no such string.
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
	# f"{key}:{secret}" holds names, and no value
	return None if found and text[found[0]] in "fF" and "{" in start_of(text, found) else found
