"""Messages of the JSON files of Desk: names, labels, descriptions, options. Desk translates them where it shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wording.message import Message

NAMES = {
	"DocType": ("name", "description"),
	"Report": ("report_name",),
	"Page": ("title",),
	"Workspace": ("label", "title"),
	"Workspace Sidebar": ("title",),
	"Desktop Icon": ("label",),
	"Number Card": ("label",),
	"Dashboard Chart": ("chart_name",),
}
"""What Desk shows of a document of the app, by DocType."""

ROWS = ("label", "description", "group", "format")
"""What Desk shows of its rows: of fields, links, shortcuts, cards."""

AMBIGUOUS = ("Alert", "End", "Open", "Start", "Subject")
"""Labels and options that Frappe uses in another sense. Desk asks for them with their DocType as context."""

PROPERTIES = ("label", "description", "options")
"""Property Setters whose value is shown."""


def read(text: str) -> Iterator[Message]:
	document = json.loads(text)
	if not isinstance(document, dict):
		return
	kind = document.get("doctype", "")
	yield from (Message(document[name]) for name in NAMES.get(kind, ()) if document.get(name))
	doctype = document.get("name") if kind == "DocType" else kind
	for rows in document.values():
		for row in rows if isinstance(rows, list) else ():
			if isinstance(row, dict):
				yield from (_in_context(text, doctype) for text in _of_row(row))
	yield from _of_content(document)


def _in_context(text: str, doctype: str | None) -> Message:
	return Message(text, context=doctype if text in AMBIGUOUS else None)


def _of_row(row: dict[str, Any]) -> Iterator[str]:
	if "property" in row:
		if row["property"] in PROPERTIES:
			kind = "Select" if row["property"] == "options" else ""
			yield from _of_row({row["property"]: row["value"], "fieldtype": kind})
		return
	yield from (row[name] for name in ROWS if isinstance(row.get(name), str) and row[name])
	if row.get("fieldtype") == "Select":
		yield from filter(None, (row.get("options") or "").split("\n"))


def _of_content(document: dict[str, Any]) -> Iterator[Message]:
	"""Headers and paragraphs of a Workspace."""
	for block in json.loads(document.get("content") or "[]") if "content" in document else ():
		if text := block.get("data", {}).get("text"):
			yield Message(text)
