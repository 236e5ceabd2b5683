"""Tells whether two failures are the same: by exception type, normalised message and the app's own frames."""

from __future__ import annotations

import re
from hashlib import sha256

_FRAME = re.compile(r'^\s*File "([^"]+)", line \d+, in (\S+)', re.MULTILINE)
_APP = re.compile(r"(?:^|/)apps/([^/]+)/(.+)$")
_FRAMES = 5

_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[a-z][a-z+.-]*://\S+", re.IGNORECASE)
_MARK = re.compile(r"(?=[\w-]*\d)[\w-]+(?:[.,:]\d[\w-]*)*")
"""A word with a digit in it: a number, a date, a time, a hash, the name of a document."""

_MESSAGE_CHARS = 300


def normalise(message: str) -> str:
	"""A message without what differs from one occurrence to the next: names in quotes, numbers, ids, addresses."""
	text = message[: _MESSAGE_CHARS * 4]
	for pattern in (_ADDRESS, _QUOTED, _MARK):
		text = pattern.sub("…", text)
	return re.sub(r"[\s…]*…[\s…]*", " … ", text).strip()[:_MESSAGE_CHARS]


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
	return "", "/".join(file.split("/")[-2:])


def signature(exception: str, message: str, traceback: str, method: str) -> str:
	"""16 hexadecimal digits. Without frames (a killed job has none) the method stands for them."""
	parts = [exception, normalise(message), *(frames(traceback) or [method])]
	return sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
