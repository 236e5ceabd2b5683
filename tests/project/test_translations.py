"""Messages are found wherever the app has them, and a translation that cannot be right is said to be wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import translations  # noqa: E402
from wording import desk, gather, javascript, malformed, python  # noqa: E402
from wording.message import Fault, Message  # noqa: E402


def texts(found: Iterable[Message | Fault]) -> list[str]:
	return [f"! {item.reason}" if isinstance(item, Fault) else item.text for item in found]


@pytest.mark.parametrize(
	("source", "expected"),
	[
		('_("A job") + frappe._("A queue")', ["A job", "A queue"]),
		('_("In two "\n\t"lines")', ["In two lines"]),
		('_("On" if x else "Off")', ["On", "Off"]),
		('say("Queue {0}", name)', ["Queue {0}"]),
		("_(state)", []),
		('_(f"Queue {name}")', ["! an f-string is no message; use .format"]),
		('_("Queue " + name)', ["! a message is not put together by operators"]),
		('_("Queue %s" % name)', ["! a message is not put together by operators"]),
		('_("Queue {0}".format(name))', ["! a message is translated before .format"]),
		('frappe.throw("No queue")', ["! throw() of a text without _()"]),
		('frappe.throw(_("No queue"))', ["No queue"]),
	],
)
def test_messages_of_python(source: str, expected: list[str]) -> None:
	assert texts(python.read(source)) == expected


@pytest.mark.parametrize(
	("source", "expected"),
	[
		('__("A job", [x]) + __(\'A "queue"\')', ["A job", 'A "queue"']),
		('`<b title="${__("A job")}">${__("A queue", [f("not this")])}</b>`', ["A job", "A queue"]),
		('__(x ? "On" : "Off", ["not this"])', ["On", "Off"]),
		("__(state)", []),
		('this.__("not this"); my__("nor this")', []),
		('__("A \\"job\\" \\u00b7 it\'s")', ['A "job" · it\'s']),
		("__(`Queue ${name}`)", ["! a template is no message; use placeholders"]),
		('__("Queue " + name)', ["Queue ", "! a message is not put together by operators"]),
	],
)
def test_messages_of_javascript(source: str, expected: list[str]) -> None:
	assert texts(javascript.read(source)) == expected


def test_a_context_is_read_from_both_languages() -> None:
	sources = (python.read('_("Open", context="State")'), javascript.read('__("Open", null, "State")'))
	assert [(m.text, m.context) for source in sources for m in source] == [("Open", "State")] * 2


def test_messages_of_a_doctype() -> None:
	fields = [
		{"fieldname": "state", "label": "State", "fieldtype": "Select", "options": "Open\nDone"},
		{"fieldname": "user", "label": "User", "description": "Who", "fieldtype": "Link", "options": "User"},
		{"fieldname": "break", "fieldtype": "Column Break"},
	]
	document = {"doctype": "DocType", "name": "Job Alert", "fields": fields, "links": [{"group": "Runs"}]}
	found = texts(desk.read(json.dumps(document)))
	assert found == ["Job Alert", "State", "Open", "Done", "User", "Who", "Runs"]


def test_messages_of_customized_doctypes_of_frappe() -> None:
	document = {
		"custom_fields": [{"label": "Worker", "fieldtype": "Data"}],
		"property_setters": [
			{"property": "label", "value": "Ended"},
			{"property": "options", "value": "Failed\nKilled"},
			{"property": "read_only", "value": "1"},
		],
		"doctype": "RQ Job",
	}
	assert texts(desk.read(json.dumps(document))) == ["Worker", "Ended", "Failed", "Killed"]


def test_messages_of_a_workspace() -> None:
	content = json.dumps([{"type": "header", "data": {"text": "Queues now"}}, {"type": "card", "data": {}}])
	document = {
		"doctype": "Workspace",
		"label": "Jobs",
		"title": "Jobs",
		"shortcuts": [{"label": "Failed Jobs", "format": "{} failed"}],
		"content": content,
	}
	assert texts(desk.read(json.dumps(document))) == [
		"Jobs",
		"Jobs",
		"Failed Jobs",
		"{} failed",
		"Queues now",
	]


@pytest.mark.parametrize(
	("text", "fault"),
	[
		("Queue {0}", ""),
		("Queue {0} of {1}", ""),
		(" Queue", "a message neither begins nor ends with a space"),
		("Queue: ", "a message neither begins nor ends with a space"),
		("Queue {name}", "placeholders are numbers"),
		("{0:,} jobs", "placeholders are numbers"),
	],
)
def test_a_message_that_frappe_would_not_find_is_a_fault(text: str, fault: str) -> None:
	assert malformed(text).partition(" without")[0].partition(":")[0] == fault


@pytest.mark.parametrize(
	("text", "translation", "fault"),
	[
		("{0} of {1}", "{1} von {0}", ""),
		("{0} of {1}", "{0} von", "other placeholders"),
		("Start {0}", "{0} {1} starten", "other placeholders"),
		("<b>Now</b>", "Jetzt", "other markup"),
		("Now", "Jetzt ", "needless spaces"),
		("Now.", "Jetzt", "another mark at the end"),
		("Now?", "الآن؟", ""),
		("Since:", "Depuis :", ""),
	],
)
def test_a_translation_that_cannot_be_right(text: str, translation: str, fault: str) -> None:
	assert translations.mistranslated(text, translation) == fault


def test_every_message_of_the_app_is_gathered_and_translated() -> None:
	found, faults = gather(ROOT)
	assert [*faults, *translations.problems(translations.template(found))] == []
