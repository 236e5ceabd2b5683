"""Finds the messages of the app in its files, and what makes them untranslatable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from wording import desk, javascript, python
from wording.message import Fault, Message

PACKAGE = "job_monitor"
READERS = {".py": python.read, ".js": javascript.read, ".json": desk.read}
LEFT_OUT = re.compile(r"/tests/|/test_\w+\.py$|/public/dist/|/node_modules/")

_FIELD = re.compile(r"\{[^{}]*\}")


def gather(root: Path) -> tuple[list[tuple[Message, str]], list[str]]:
	"""Each message with its file, from the root, and what is wrong with the sources."""
	found: list[tuple[Message, str]] = []
	faults: list[str] = []
	for path in sources(root):
		name = path.relative_to(root).as_posix()
		for item in READERS[path.suffix](path.read_text(encoding="utf-8")):
			reason = item.reason if isinstance(item, Fault) else malformed(item.text)
			if reason:
				faults.append(f"{name}:{item.line}: {reason}")
			elif isinstance(item, Message) and is_said(item.text):
				found.append((item, name))
	return found, faults


def sources(root: Path) -> Iterator[Path]:
	for path in sorted((root / PACKAGE).rglob("*.*")):
		if path.suffix in READERS and not LEFT_OUT.search(path.as_posix().removeprefix(root.as_posix())):
			yield path


def is_said(text: str) -> bool:
	"""Whether there is a word in it: `{0}: {1}` is the same in every language."""
	return bool(re.search("[A-Za-z]", _FIELD.sub("", text)))


def malformed(text: str) -> str:
	"""Why Frappe does not find a text again, or people cannot translate it; "" for nothing."""
	if text != text.strip():
		return f"a message neither begins nor ends with a space: {text!r}"
	if re.search(r"\{[^0-9}]*\}|\{\d+[^}\d]", text):
		return f"placeholders are numbers without a format, as {{0}}: {text!r}"
	return ""
