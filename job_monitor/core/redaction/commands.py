"""Secrets among the arguments of a command, and in pairs of a name and a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from job_monitor.core.redaction.names import SECRET, SecretNames
from job_monitor.core.redaction.values import Span, code_lines, quoted, start_of, values

# --password x, mysql -px

_OPTION = re.compile(r"(?<![\w\[-])--([\w-]+)[ \t]+(?!-)")
_PROSE = frozenset(
	"is to or and option flag must was requires with for argument can may needs has not if in".split()
)
COMMANDS = {
	"mysql": re.compile(r"(?<!\S)-p(?=[^\s\"'])"),
	"mariadb": re.compile(r"(?<!\S)-p(?=[^\s\"'])"),
	"sshpass": re.compile(r"\bsshpass[ \t]{1,9}-p[ \t]{0,9}"),
	"redis-cli": re.compile(r"(?<!\S)-a[ \t]{1,9}"),
	"curl": re.compile(r"(?<!\S)(?:-u|--user)[ \t=]{0,9}[^\s:\"']{0,64}:"),
	"docker login": re.compile(r"(?<!\S)-p[ \t]{1,9}"),
	"set-admin-password": re.compile(r"\bset-admin-password[ \t]{1,9}"),
}
"""Where a secret begins among the arguments of a command; the text names the command."""


def options(text: str, names: SecretNames) -> Iterator[Span]:
	"""Values of options: `--password x`."""
	places = (option.end() for option in _OPTION.finditer(text) if names.strength(option[1]) == SECRET)
	yield from (found for found in values(text, places) if start_of(text, found) not in _PROSE)


def commands(text: str, names: SecretNames) -> Iterator[Span]:
	"""Secrets among the arguments of a command: `mysql -px`."""
	for command, begins in COMMANDS.items():
		if command in text:
			yield from values(text, (place.end() for place in begins.finditer(text)))


# ["password", "x"]

_PAIR = re.compile(r"[\[(][ \t]{0,9}[bu]?\\{0,15}[\"']([\w .-]{1,64})\\{0,15}[\"'],[ \t]{0,9}")


def pairs(text: str, names: SecretNames) -> Iterator[Span]:
	"""Values in pairs: `["password", "x"]`."""
	in_code = code_lines(text)
	for pair in _PAIR.finditer(text):
		if names.strength(pair[1]) == SECRET and not in_code(pair.start()):
			if found := quoted(text, pair.end()):
				yield found
