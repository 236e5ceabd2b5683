"""Words of the app in other languages: `job_monitor/locale/main.pot` and a `.po` file for each language.

The .po files are the only source of translations. `bench build` compiles them (Frappe 15 and 16 alike) into
`sites/assets/locale`, from where Python's `_()`, JavaScript's `__()` and Desk's own labels read them.
Files have no dates and no line numbers, so they change only where words do.

A word that Frappe translates itself, and means as we do, is left to it: its entry is empty and has the comment
`FRAPPES`. Any translation of ours would stand before Frappe's, all over Desk. Where Frappe means something else by the
word, ours has a context.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from wording import gather
from wording.message import Message

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "job_monitor/locale"
TEMPLATE = "main.pot"
LANGUAGES = ("ar", "de", "es", "fr", "pt_BR")

HEADER = """msgid ""
msgstr ""
"Project-Id-Version: job_monitor\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""

FRAPPES = "Frappe's own word"

_FIELD = re.compile(r"\{[^{}]*\}")
_TAG = re.compile(r"</?[a-z][^>]*>", re.IGNORECASE)
_ENDS = {"؟": "?", "!": "!", "…": "…", ":": ":", ".": ".", "?": "?"}

Key = tuple[str, str | None]


def template(found: Iterable[tuple[Message, str]]) -> Catalog:
	"""All messages of the app, each with the files that hold it."""
	catalog = Catalog()
	for message, path in found:
		catalog.add(message.text, context=message.context, locations=[(path, 0)])
	return catalog


def translations(language: str) -> dict[Key, str]:
	"""What the .po file of a language says, "" where the word is left to Frappe. Fuzzy entries are left out."""
	path = LOCALE / f"{language}.po"
	if not path.exists():
		return {}
	with path.open("rb") as file:
		catalog = read_po(file)
	return {
		(m.id, m.context): m.string
		for m in catalog
		if m.id and not m.fuzzy and (m.string or FRAPPES in m.user_comments)
	}


def translated(messages: Catalog, known: dict[Key, str]) -> Catalog:
	"""The messages, each with its translation where there is one."""
	catalog = Catalog()
	for message in messages:
		if message.id:
			string = known.get((message.id, message.context))
			comments = [FRAPPES] if string == "" else []
			catalog.add(
				message.id, string, message.locations, user_comments=comments, context=message.context
			)
	return catalog


def rendered(catalog: Catalog, language: str = "") -> bytes:
	"""A .po file: sorted, a line for each message and its translation."""
	for message in catalog:
		message.flags.clear()  # which a release of Babel sets is its own affair
	body = BytesIO()
	write_po(body, catalog, width=None, sort_output=True, omit_header=True, include_lineno=False)
	header = HEADER + (f'"Language: {language}\\n"\n' if language else "")
	return header.encode() + b"\n" + body.getvalue()


def write(messages: Catalog, known: dict[str, dict[Key, str]]) -> None:
	LOCALE.mkdir(exist_ok=True)
	(LOCALE / TEMPLATE).write_bytes(rendered(messages))
	for language in LANGUAGES:
		content = rendered(translated(messages, known[language]), language)
		(LOCALE / f"{language}.po").write_bytes(content)


def problems(messages: Catalog) -> Iterator[str]:
	"""What `--check` complains of, besides what is wrong with the sources."""
	if not is_same(TEMPLATE, rendered(messages)):
		yield f"{TEMPLATE} is stale: run scripts/translations"
	for language in LANGUAGES:
		known = translations(language)
		missing = [m.id for m in messages if m.id and (m.id, m.context) not in known]
		if missing:
			yield f"{language}.po has no translation of {len(missing)} messages, as {missing[0]!r}"
		elif not is_same(f"{language}.po", rendered(translated(messages, known), language)):
			yield f"{language}.po is stale: run scripts/translations"
		for (text, _context), string in known.items():
			if fault := mistranslated(text, string or text):
				yield f"{language}.po: {fault} in {string!r}, for {text!r}"


def is_same(name: str, content: bytes) -> bool:
	path = LOCALE / name
	return path.exists() and path.read_bytes() == content


def mistranslated(text: str, string: str) -> str:
	"""What is wrong with a translation as far as a program can see; "" for nothing."""
	if sorted(set(_FIELD.findall(text))) != sorted(set(_FIELD.findall(string))):
		return "other placeholders"
	if sorted(_TAG.findall(text)) != sorted(_TAG.findall(string)):
		return "other markup"
	if string != string.strip() or "  " in string:
		return "needless spaces"
	if _ENDS.get(text[-1]) != _ENDS.get(string[-1]):
		return "another mark at the end"
	return ""


def untranslated(messages: Catalog, language: str) -> dict[str, str]:
	"""Texts without a translation. One that has a context is told by `text|context`."""
	known = translations(language)
	keys = [(m.id, m.context) for m in messages if m.id]
	return {"|".join(filter(None, key)): "" for key in sorted(keys, key=str) if key not in known}


def fill(known: dict[Key, str], messages: Catalog, texts: dict[str, str]) -> None:
	"""Take over translations as `untranslated` lists them; "=" leaves a word to Frappe."""
	keys = {"|".join(filter(None, (m.id, m.context))): (m.id, m.context) for m in messages if m.id}
	for text, string in texts.items():
		if text in keys and string:
			known[keys[text]] = "" if string == "=" else string
		elif string:
			print(f"no such message: {text!r}", file=sys.stderr)


def main() -> int:
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--check", action="store_true", help="write nothing; fail where something is wrong")
	parser.add_argument("--untranslated", metavar="LANGUAGE", choices=LANGUAGES)
	parser.add_argument("--import", dest="filled", nargs=2, metavar=("LANGUAGE", "FILE"))
	arguments = parser.parse_args()
	found, faults = gather(ROOT)
	messages = template(found)
	if arguments.untranslated:
		print(json.dumps(untranslated(messages, arguments.untranslated), ensure_ascii=False, indent=1))
		return 0
	if arguments.check:
		faults += problems(messages)
	else:
		known = {language: translations(language) for language in LANGUAGES}
		if arguments.filled:
			language, path = arguments.filled
			fill(known[language], messages, json.loads(Path(path).read_text(encoding="utf-8")))
		write(messages, known)
	print(*faults, sep="\n", file=sys.stderr, end="\n" if faults else "")
	return int(bool(faults))


if __name__ == "__main__":
	sys.exit(main())
