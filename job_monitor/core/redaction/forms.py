"""Finds secrets in a text: a table of forms, each a function that gives the spans to be masked.

Every form takes linear time and is looked for only where a text has its marks: no pattern has a repetition within a
repetition, scanned text is not scanned again, and look-aheads are bounded. The forms are those that gitleaks and
detect-secrets know without measures of entropy, and those of Frappe's commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from job_monitor.core.redaction import commands, named_values, shapes, tokens
from job_monitor.core.redaction.commands import COMMANDS
from job_monitor.core.redaction.names import SecretNames
from job_monitor.core.redaction.values import Span

Form = Callable[[str, SecretNames], Iterator[Span]]

_BY_NAME: Sequence[tuple[tuple[str, ...], Form]] = (
	((":", "="), named_values.named),
	(("--",), commands.options),
	(("</",), shapes.tags),
	(('", ', "', ", '","', "','", '\\",'), commands.pairs),
)
"""Marks, of which a text must have one, and the form. The text must also have a name that may be secret."""

_BY_SHAPE: Sequence[tuple[tuple[str, ...], Form]] = (
	(("://",), shapes.urls),
	(("earer ", "asic ", "oken ", "pikey ", "EARER ", "ASIC ", "OKEN "), shapes.schemes),
	(("---",), shapes.blocks),
	(tuple(COMMANDS), commands.commands),
	(("dentified ", "DENTIFIED ", " password '", " PASSWORD '", "assword(", "ASSWORD("), shapes.sql),
)


_NAME_OR_TIME = re.compile(r"[\w.@/+, ()-]{0,200}|[\d :.TZ+-]{0,40}")
_LEAST = 10
"""Characters of the shortest token."""

_IN_WORDS = re.compile("|".join(map(re.escape, ("--", "earer ", "asic ", "oken ", "pikey ", *COMMANDS))))


def find(text: str, names: SecretNames) -> list[Span]:
	"""Spans of the secrets in a text, in order, none within another."""
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
