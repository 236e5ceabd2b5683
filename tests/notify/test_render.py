"""How messages look in each place, and that nothing a job said is more than text there."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from job_monitor.core import limits
from job_monitor.notify import render
from job_monitor.notify.message import Message
from job_monitor.notify.wording import last, spoken

MESSAGE = Message(
	title="Queue long is stuck",
	text="Its oldest job waits for 12 min.\nStart a worker.",
	severity="critical",
	state="firing",
	rule="Queue age",
	subject="long",
	site="a.example",
	since=datetime(2026, 11, 24, 4, 0, tzinfo=timezone.utc),
	duration_seconds=720.0,
	url="https://a.example/app/job-alert/1",
	key="queue-age:long",
	delivery="d-1",
)
HOSTILE = (
	"<!channel> @everyone [x](http://evil) **b** <script>alert(1)</script> &amp; \u202egnp.exe\x00\ud800"
)


@pytest.mark.parametrize(
	("state", "severity", "badge"),
	[
		("firing", "critical", "CRITICAL"),
		("firing", "warning", "WARNING"),
		("reminder", "critical", "STILL CRITICAL"),
		("reminder", "warning", "STILL A WARNING"),
		("resolved", "critical", "RESOLVED"),
		("unknown", "critical", "COULD NOT ASK"),
		("test", "warning", "TEST"),
	],
)
def test_the_first_word_says_what_it_is(state: str, severity: str, badge: str) -> None:
	message = replace(MESSAGE, state=state, severity=severity)
	assert render.headline(message) == f"{badge}: Queue long is stuck"


def test_the_text_holds_everything() -> None:
	text = render.as_text(MESSAGE)
	for part in (
		"CRITICAL",
		"Start a worker",
		"long",
		"2026-11-24 04:00:00 UTC",
		"12 minutes",
		MESSAGE.url,
		"a.example",
	):
		assert part in text
	assert "Lasted: 12 minutes" in render.as_text(replace(MESSAGE, state="resolved"))


def test_the_text_begins_with_what_is_wrong() -> None:
	assert render.as_text(MESSAGE).startswith("Queue long is stuck\n")
	html = render.as_html(MESSAGE)
	assert html.index("Queue long is stuck") < html.index("CRITICAL")


@pytest.mark.parametrize(
	("seconds", "words"),
	[
		(None, "an unknown time"),
		(0.435, "less than a second"),
		(1, "1 second"),
		(59.6, "1 minute"),
		(90, "1 minute 30 seconds"),
		(720, "12 minutes"),
		(3600, "1 hour"),
		(3605, "1 hour"),
		(12_000, "3 hours 20 minutes"),
		(43_300, "12 hours"),
		(90_000, "1 day 1 hour"),
		(86_400 * 15.2, "15 days"),
	],
)
def test_a_duration_in_words(seconds: float | None, words: str) -> None:
	assert spoken(seconds) == words


@pytest.mark.parametrize(
	("minutes", "words"), [(60, "the last hour"), (10, "the last 10 minutes"), (1440, "the last day")]
)
def test_a_window_in_words(minutes: int, words: str) -> None:
	assert last(minutes) == words


def test_words_are_translated() -> None:
	german = {"{0} minutes": "{0} Minuten", "For": "Seit"}
	assert "Seit: 12 Minuten" in render.as_text(MESSAGE, lambda text: german.get(text, text))


def test_json_holds_every_field() -> None:
	got = json.loads(json.dumps(render.as_json(MESSAGE)))
	assert got["version"] == 1 and got["key"] == "queue-age:long"
	assert got["delivery"] == "d-1" and "mail_subject" not in got
	assert got["since"] == "2026-11-24T04:00:00+00:00" and got["duration_seconds"] == 720.0


@pytest.mark.parametrize("name", list(render.PAYLOADS))
def test_every_payload_is_json_also_without_what_may_be_missing(name: str) -> None:
	bare = replace(MESSAGE, since=None, duration_seconds=None, url="", rule="", subject="", text="")
	for message in (MESSAGE, bare):
		assert "Queue long is stuck" in json.dumps(render.PAYLOADS[name](message))


def test_shapes_of_the_hosts() -> None:
	slack, discord, teams = (render.PAYLOADS[name](MESSAGE) for name in ("Slack", "Discord", "Teams"))
	assert slack["attachments"][0]["title_link"] == MESSAGE.url
	assert discord["embeds"][0]["url"] == MESSAGE.url and discord["allowed_mentions"] == {"parse": []}
	card = teams["attachments"][0]["content"]
	assert card["type"] == "AdaptiveCard" and card["actions"][0]["url"] == MESSAGE.url


def test_what_a_job_said_stays_text() -> None:
	message = render.bounded(replace(MESSAGE, title=HOSTILE, text=HOSTILE, subject=HOSTILE))
	assert not set(message.title) & {"\u202e", "\x00", "\ud800"}
	assert "<script>" not in render.as_html(message)
	slack = render.as_slack(message)["text"]
	assert "<!channel>" not in slack and "@everyone" not in slack and "](http" not in slack
	discord = render.as_discord(message)["content"]
	assert "@everyone" not in discord and "\\*\\*b\\*\\*" in discord


def test_a_message_is_bounded() -> None:
	message = render.bounded(
		replace(MESSAGE, title="t" * 10_000, text="x\n" * 10_000, url="javascript:alert(1)")
	)
	assert len(message.title) <= limits.NOTIFY_TITLE_CHARS + 30
	assert len(message.text) <= limits.NOTIFY_TEXT_CHARS + 30
	assert message.url == ""
