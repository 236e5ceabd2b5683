"""Finds secrets in a text: a table of forms, each a function that gives the places (from, to) of what is to be masked.

Every form takes linear time and is looked for only where a text has its marks: no pattern has a repetition within a
repetition, what one has scanned it does not scan again, and what it looks ahead is bounded. The forms are those that
gitleaks and detect-secrets know and that show themselves, without measures of entropy; and those of Frappe's commands.
Secrets known by their maker's prefix are in `secret_tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from job_monitor.core import secret_tokens
from job_monitor.core.secret_names import DOUBTFUL, HARMLESS, SECRET, SecretNames
from job_monitor.core.secret_values import Span, header, is_count, looks_secret, quoted, value

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
_IN_QUERY = frozenset(("code", "sig"))
"""Parameters of a URL that are secrets, if they look like any: of OAuth and of signed links."""

_CODE = re.compile(r'^[ \t|]*File "[^"\n]+", line \d+[^\n]*\n([^\n]*)', re.MULTILINE)
"""A line of code in a traceback: what stands bare behind a name there is an expression, no value."""

_LITERAL_CHARS = 200
"""How far before a name the quote that opens a text is looked for."""


def named(text: str, names: SecretNames) -> Iterator[Span]:
	in_code = _code_lines(text)
	done = doubted = 0
	for pair in _NAME.finditer(text):
		at, name, mark = pair.start(), pair[1], pair[2]
		if at < done or name.endswith(_EXCEPTIONS):
			continue
		before = text[max(0, at - 1) : at]
		strength = _strength(name, before, names)
		is_pass = mark == "=" and name.lower() == "pass"
		# A value that looks like no secret holds none that does
		if strength == HARMLESS or (strength == DOUBTFUL and at < doubted and not is_pass):
			continue
		found = _value(text, pair, before, in_code(at) and not _is_in_literal(text, pair, before))
		if found is None:
			continue
		inside = text[slice(*found)]
		certain = not inside.isdigit() if is_pass else strength == SECRET and not is_count(name, inside)
		if certain or looks_secret(inside):
			done = found[1]
			yield found
		elif " " not in inside:
			doubted = found[1]


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


def _value(text: str, pair: re.Match[str], before: str, in_code: bool) -> Span | None:
	if in_code:
		found = quoted(text, pair.end())
		# f"{key}:{secret}" tells what is put together, and no value
		return None if found and text[found[0]] in "fF" and "{" in text[slice(*found)] else found
	is_header = pair[2] == ":" and pair[1].lower().endswith(_HEADERS)
	return header(text, pair.end(), before) if is_header else value(text, pair.end())


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
	"set-admin-password": re.compile(r"\bset-admin-password[ \t]{1,9}"),
}
"""Where a secret begins in what is given to a command; the text names the command."""


def options(text: str, names: SecretNames) -> Iterator[Span]:
	for option in _OPTION.finditer(text):
		if names.strength(option[1]) == SECRET:
			found = value(text, option.end())
			if found and text[slice(*found)] not in _PROSE:
				yield found


def commands(text: str, names: SecretNames) -> Iterator[Span]:
	for command, begins in _COMMANDS.items():
		if command in text:
			yield from (found for place in begins.finditer(text) if (found := value(text, place.end())))


# scheme://user:password@host, https://token@host

_AFTER_SCHEME = re.compile(r"://([^\s\"'<>`\\:]*(?::(?!//)[^\s\"'<>`\\:]*)*)")
_AUTHORITY = re.compile(r"[^/?#]*")
_PORT = re.compile(r"\d{1,5}\Z|\{")


def urls(text: str, names: SecretNames) -> Iterator[Span]:
	for url in _AFTER_SCHEME.finditer(text):
		found = _user_info(
			url[1], is_web=text[max(0, url.start() - 5) : url.start()].endswith(("http", "https"))
		)
		if found:
			yield url.start(1) + found[0], url.start(1) + found[1]


def _user_info(url: str, is_web: bool) -> Span | None:
	"""The password; without one, all before the @: to a web server that is a token. A password may hold a slash."""
	found = _AUTHORITY.match(url)
	authority = found[0] if found else ""
	colon, at = authority.find(":"), authority.rfind("@")
	if at < 0 and colon > 0 and not _PORT.match(authority, colon + 1) and not authority.startswith("["):
		at = url.rfind("@")
	if at < 0:
		return None
	if is_web and url[colon + 1 : at] in ("", "x-oauth-basic"):
		return (0, colon) if colon > 0 else None
	if 0 <= colon < at:
		return (colon + 1, at) if at > colon + 1 else None
	return (0, at) if is_web or looks_secret(url[:at]) else None


# Bearer x

_SCHEME = re.compile(r"(?i)(?<![\w-])(bearer|basic|token|apikey)[ \t]{1,9}([\w.~+/=:-]{6,})")
_MIXED = re.compile(r"[a-z][A-Z]")


def schemes(text: str, names: SecretNames) -> Iterator[Span]:
	"""`Bearer eyJ...`, `token key:secret`, but not "basic authentication" or "token ring"."""
	for found in _SCHEME.finditer(text):
		credentials = found[2]
		pair = found[1].lower() == "token" and ":" in credentials[6:-6]
		if looks_secret(credentials) or pair or len(_MIXED.findall(credentials)) > 1:
			yield found.span(2)


# -----BEGIN PRIVATE KEY-----

_MARK = re.compile(r"-{4,5} ?(BEGIN|END) ([A-Z0-9 ]{1,60}?) ?-{4,5}")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n\\"


def blocks(text: str, names: SecretNames) -> Iterator[Span]:
	"""Private keys and what PGP wrote, those whose beginning or end was cut off, too."""
	begin, done = -1, 0
	for mark in _MARK.finditer(text):
		if "PRIVATE KEY" not in mark[2] and ("PGP" not in mark[2] or "PUBLIC" in mark[2]):
			continue
		if mark[1] == "BEGIN":
			begin = mark.start() if begin < 0 else begin
			continue
		if begin < 0:
			begin = done + len(text[done : mark.start()].rstrip(_BASE64))
		yield begin, mark.end()
		begin, done = -1, mark.end()
	if begin >= 0:
		yield begin, len(text)


# <password>x</password>

_TAG = re.compile(r"<([\w:.-]+)(?=[\s>])[^<>]*>[ \t]*(?:<!\[CDATA\[)?")


def tags(text: str, names: SecretNames) -> Iterator[Span]:
	end = 0
	for tag in _TAG.finditer(text):
		strength = names.strength(tag[1])
		if strength == HARMLESS or end < 0:
			continue
		if end < tag.end():
			end = text.find("</", tag.end())
		inside = text[tag.end() : end] if end > 0 else ""
		if inside and (strength == SECRET or looks_secret(inside)):
			yield tag.end(), end


# ["password", "x"]

_PAIR = re.compile(r"[\[(][ \t]{0,9}[bu]?\\{0,15}[\"']([\w .-]{1,64})\\{0,15}[\"'],[ \t]{0,9}")


def pairs(text: str, names: SecretNames) -> Iterator[Span]:
	in_code = _code_lines(text)
	for pair in _PAIR.finditer(text):
		if names.strength(pair[1]) == SECRET and not in_code(pair.start()):
			if found := quoted(text, pair.end()):
				yield found


_SQL = re.compile(
	r"(?i)\bidentified[ \t]{1,9}by[ \t]{1,9}(?:password[ \t]{1,9})?|(?<!\w)password\([ \t]{0,9}"
)


def sql(text: str, names: SecretNames) -> Iterator[Span]:
	yield from (found for place in _SQL.finditer(text) if (found := quoted(text, place.end())))


Form = Callable[[str, SecretNames], Iterator[Span]]

_BY_NAME: Sequence[tuple[tuple[str, ...], Form]] = (
	((":", "="), named),
	(("--",), options),
	(("</",), tags),
	(('", ', "', ", '","', "','", '\\",'), pairs),
)
"""Marks, of which a text must have one, and the form. All need a name that may be secret besides."""

_BY_SHAPE: Sequence[tuple[tuple[str, ...], Form]] = (
	(("://",), urls),
	(("earer ", "asic ", "oken ", "pikey ", "EARER ", "ASIC ", "OKEN "), schemes),
	(("---",), blocks),
	(tuple(_COMMANDS), commands),
	(("dentified ", "DENTIFIED ", "assword(", "ASSWORD("), sql),
)


_NAME_OR_TIME = re.compile(r"[\w.@/+, ()-]{0,200}|[\d :.TZ+-]{0,40}")
_LEAST = 10
"""Characters of the shortest token."""

_IN_WORDS = ("--", "earer ", "asic ", "oken ", "pikey ", *_COMMANDS)


def find(text: str, names: SecretNames) -> list[Span]:
	"""Places of secrets, in order, apart from one another."""
	if len(text) < _LEAST and text.isalnum():
		return []
	if _NAME_OR_TIME.fullmatch(text) and (" " not in text or not any(map(text.__contains__, _IN_WORDS))):
		# Most arguments are names, ids and times
		return list(secret_tokens.tokens(text, names)) if secret_tokens.may_be_in(text) else []
	forms = [form for marks, form in _BY_SHAPE if any(mark in text for mark in marks)]
	if secret_tokens.may_be_in(text):
		forms.append(secret_tokens.tokens)
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
