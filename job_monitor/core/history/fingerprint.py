"""Fingerprints of failures: two are the same by exception type, normalised message and the app's own frames.

The title of a group of failures is another matter: `headline` keeps the fact (`KeyError: 'customer'`) that
`signature` leaves out, so a group shows the headline of its latest failure.
"""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import pairwise
from string import ascii_lowercase

_FRAME = re.compile(r'^[ \t|]*File "([^"\n]+)", line \d+, in (\S+)', re.MULTILINE)
_APP = re.compile(r"(?:^|/)apps/([^/]+)/(.+)$")
_FRAMES = 5

_MESSAGE_CHARS = 300
_READ_CHARS = 4 * _MESSAGE_CHARS
"""Characters of a message that are read: the time of normalising it is bounded."""

_TITLE_CHARS = 140

_OF_DATABASE = re.compile(r"\(?(\d{3,5}), ([\"'])")
"""MariaDB's errors are pairs, `(1054, "Unknown column 'x' in 'SELECT'")`: a code, and a sentence in quotes."""

_OF_HTTP = re.compile(r"([45]\d\d) (?=Client Error|Server Error)")

_VALUES = (
	re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[a-z][a-z+.-]*://\S+", re.IGNORECASE),
	# Frappe puts names in bold and in links
	re.compile(r"<(?:b|strong|a)\b[^<>]*>[^<>]*</(?:b|strong|a)>", re.IGNORECASE),
	re.compile(r"(?<!\w)'(?:[^'\n]|'(?=\w))*'(?!\w)|\"[^\"\n]*\"|`[^`\n]*`"),
)
"""An address, a name in bold, a text in quotes; an apostrophe is no quote."""

_WORD = re.compile(r"[\w-]+(?:[.,:]\d[\w-]*)*")
_LETTERS = re.compile(r"[a-z]{6,}|[A-Z]{6,}")

_FOLLOWERS = dict(
	zip(
		ascii_lowercase,
		"bcdfgiklmnprstuvwxy aceijlmorsu acehiklorstuy abdegilmnoprstuy abcdefghiklmnopqrstuvwxy aefilortuy "
		"aeghilnorsu aeilorstuy abcdefgklmnoprstvxz aeou aeinsy abdefilopstuvy abeilmopsu abcdefgiklmnostuvyz "
		"abcdefgiklmnoprstuvwxyz adehiloprstuy u acdefgiklmnoprstuvwy acdefghiklmopstuwy abcefhilmnoprstuwy "
		"abcdefgilmnprst aeio aehinors aceipt aeilmnopsty aeio".split(),
		strict=True,
	)
)
"""Which letters follow a, b, c ... in at least three words of Frappe's own messages.

Of names that Frappe makes at random (`qhcvkfjrus`) one in forty has no digit. Of those, one in thirteen has fewer than
two other pairs; of the words in Frappe's messages, all but one in a thousand.
"""


def normalise(message: str) -> str:
	"""A message without the parts that differ between occurrences: names in quotes, numbers, ids, addresses.

	Codes of databases and of HTTP stay: without them all their errors would be the same.
	"""
	text = message[:_READ_CHARS]
	code = ""
	if found := _OF_DATABASE.match(text):
		code, text = found[1], text[found.end() :].removesuffix(")").removesuffix(found[2])
	elif found := _OF_HTTP.match(text):
		code, text = found[1], text[found.end() :]
	for pattern in _VALUES:
		text = pattern.sub("…", text)
	text = _WORD.sub(_word, text)
	text = re.sub(r"[\s…]*…[\s…]*", " … ", text).strip()
	return f"{code} {text}".strip()[:_MESSAGE_CHARS]


def _word(found: re.Match[str]) -> str:
	"""The word, or "…" for a number, a date, a hash, the name of a document."""
	word = found[0]
	if any(map(str.isdigit, word)) or ("-" in word and word.isupper()):
		return "…"
	return "…" if any(map(_is_random, _LETTERS.findall(word))) else word


def _is_random(letters: str) -> bool:
	lower = letters.lower()
	return sum(after not in _FOLLOWERS[letter] for letter, after in pairwise(lower)) > 1


def frames(traceback: str) -> list[str]:
	"""`file:function` of the innermost frames of apps other than frappe; of all if there are none. No line numbers:
	they change with every release."""
	found = [(_where(file), function) for file, function in _FRAME.findall(traceback)]
	own = [(app, path, function) for (app, path), function in found if app not in ("", "frappe")]
	chosen = own or [(app, path, function) for (app, path), function in found]
	return [f"{path}:{function}" for _, path, function in chosen[-_FRAMES:]]


def _where(file: str) -> tuple[str, str]:
	"""(app, path below it); ("", the last two parts) outside of apps."""
	if found := _APP.search(file):
		return found[1], found[2]
	return "", "/".join(file.rsplit("/", 2)[-2:])


def signature(exception: str, message: str, traceback: str, method: str) -> str:
	"""The fingerprint of a failure's group, as 16 hexadecimal digits.

	Without frames (a killed job has none) the method stands for them.
	"""
	parts = [exception, normalise(message), *(frames(traceback) or [method])]
	return sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def headline(exception: str, message: str, max_chars: int = _TITLE_CHARS) -> str:
	"""The title of a failure, in one line: `KeyError: 'customer'`. Only the end of the message is left out.

	"" if there is neither exception nor message. The message is redacted already (`runs.Failure`).
	"""
	words = " ".join(message[:_READ_CHARS].split())
	text = ": ".join(part for part in (" ".join(exception.split()), words) if part)
	return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
