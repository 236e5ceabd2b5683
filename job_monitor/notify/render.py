"""A message as text, HTML, and the JSON that webhooks take. Titles and texts may hold anything that a job wrote.

`_` translates the words that are added here.
"""

from __future__ import annotations

import html
import re
from dataclasses import asdict, replace
from typing import Any

from job_monitor.core import limits
from job_monitor.core.redaction.values import cut
from job_monitor.notify.message import CRITICAL, REMINDER, RESOLVED, TEST, UNKNOWN, Message
from job_monitor.notify.wording import Translate, spoken

_RED, _ORANGE, _GREEN, _GREY = 0xD32F2F, 0xED8B00, 0x2E7D32, 0x607D8B

# Control characters, half characters, and marks that turn the direction of the text around them
_UNPRINTABLE = re.compile(
	"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_MARKDOWN = re.compile(r"([\\`*_~|\[\]()<>#+!-])")


def plain(text: str, chars: int = limits.NOTIFY_TITLE_CHARS) -> str:
	"""A text without unprintable characters, cut to a length."""
	return cut(_UNPRINTABLE.sub("", text), chars)


def line(text: str) -> str:
	"""A text as one line, as `plain`."""
	return plain(" ".join(text.split()))


_LINES = ("title", "rule", "subject", "site", "key", "delivery", "mail_subject")


def bounded(message: Message) -> Message:
	"""The message within its size, without unprintable characters, and with a link that is one."""
	return replace(
		message,
		**{name: line(getattr(message, name)) for name in _LINES},
		text=plain(message.text.strip(), limits.NOTIFY_TEXT_CHARS),
		url=message.url if message.url.startswith(("https://", "http://")) else "",
	)


def badge(message: Message, _: Translate = str) -> str:
	"""The word that a message begins with."""
	urgent = message.severity == CRITICAL
	if message.state == RESOLVED:
		return _("RESOLVED")
	if message.state == UNKNOWN:
		return _("COULD NOT ASK")
	if message.state == TEST:
		return _("TEST")
	if message.state == REMINDER:
		return _("STILL CRITICAL") if urgent else _("STILL A WARNING")
	return (_("Critical") if urgent else _("Warning")).upper()


def headline(message: Message, _: Translate = str) -> str:
	"""Badge and title of a message."""
	return f"{badge(message, _)}: {message.title}"


def color(message: Message) -> int:
	"""A message's color, as an RGB number."""
	if message.state in (TEST, UNKNOWN):
		return _GREY
	if message.state == RESOLVED:
		return _GREEN
	return _RED if message.severity == CRITICAL else _ORANGE


def details(message: Message, _: Translate = str) -> list[tuple[str, str]]:
	"""Labels and values that stand below the text."""
	found = [(_("Concerns"), message.subject)]
	if message.since:
		found.append((_("Since"), f"{message.since:%Y-%m-%d %H:%M:%S %Z}".strip()))
	if message.duration_seconds is not None:
		label = _("Lasted") if message.state == RESOLVED else _("For")
		found.append((label, spoken(message.duration_seconds, _)))
	found += [(_("Rule"), message.rule), (_("Site"), message.site)]
	return [(label, value) for label, value in found if value]


def as_text(message: Message, _: Translate = str) -> str:
	"""The text of an e-mail. It begins with the title, as the mail's subject begins with the badge."""
	parts = [message.title, message.text]
	known = [(_("State"), badge(message, _)), *details(message, _)]
	parts.append("\n".join(f"{label}: {value}" for label, value in known))
	parts.append(message.url)
	return "\n\n".join(part for part in parts if part) + "\n"


def as_html(message: Message, _: Translate = str) -> str:
	"""The HTML part of an e-mail."""
	rows = "".join(
		f'<tr><td style="padding:2px 16px 2px 0;color:#666">{html.escape(label)}</td>'
		f"<td>{html.escape(value)}</td></tr>"
		for label, value in details(message, _)
	)
	url = html.escape(message.url)
	link = f'<p><a href="{url}">{html.escape(_("Open in Desk"))}</a><br>{url}</p>' if url else ""
	return (
		'<html><body style="font:15px/1.5 sans-serif;max-width:640px">'
		f'<p style="border-left:6px solid #{color(message):06x};padding:4px 12px;font-size:18px">'
		f"{html.escape(message.title)}<br><b>{html.escape(badge(message, _))}</b></p>"
		f'<p style="white-space:pre-wrap">{html.escape(message.text)}</p><table>{rows}</table>{link}</body></html>'
	)


# Webhooks


def as_json(message: Message, _: Translate = str) -> dict[str, Any]:
	"""Each field by its name; `since` as in ISO 8601."""
	fields = asdict(message)
	del fields["mail_subject"]
	return {"version": 1, **fields, "since": message.since.isoformat() if message.since else None}


def as_slack(message: Message, _: Translate = str) -> dict[str, Any]:
	"""For Slack and services with its format: Mattermost, Rocket.Chat, Discord's `/slack` address."""
	attachment = {
		"color": f"#{color(message):06x}",
		"fallback": _slack(headline(message, _)),
		"text": _slack(message.text),
		"fields": [
			{"title": label, "value": _slack(value), "short": len(value) < 40}
			for label, value in details(message, _)
		],
		"mrkdwn_in": [],
	}
	if message.url:
		attachment |= {"title": _("Open in Desk"), "title_link": message.url}
	return {"text": _slack(headline(message, _)), "mrkdwn": False, "attachments": [attachment]}


def as_discord(message: Message, _: Translate = str) -> dict[str, Any]:
	"""For a webhook of Discord: no mention pings anybody."""
	embed: dict[str, Any] = {
		"description": _discord(message.text),
		"color": color(message),
		"fields": [
			{"name": label, "value": _discord(value), "inline": len(value) < 40}
			for label, value in details(message, _)
		],
	}
	if message.url:
		embed |= {"title": _("Open in Desk"), "url": message.url}
	return {
		"content": _discord(headline(message, _)),
		"embeds": [embed],
		"allowed_mentions": {"parse": []},
	}


def as_teams(message: Message, _: Translate = str) -> dict[str, Any]:
	"""An Adaptive Card, as a workflow of Teams takes it. Its rich text, other than its text, knows no markup."""
	style = {_RED: "attention", _ORANGE: "warning", _GREEN: "good"}.get(color(message), "default")
	body = [_rich([headline(message, _)], style, weight="bolder", size="large")]
	body += [_rich([row]) for row in message.text.splitlines() if row.strip()]
	body += [_rich([f"{label}: {value}"], isSubtle=True) for label, value in details(message, _)]
	card: dict[str, Any] = {
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
		"type": "AdaptiveCard",
		"version": "1.4",
		"body": body,
	}
	if message.url:
		card["actions"] = [{"type": "Action.OpenUrl", "title": _("Open in Desk"), "url": message.url}]
	content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
	return {"type": "message", "attachments": [content]}


PAYLOADS = {"JSON": as_json, "Slack": as_slack, "Discord": as_discord, "Teams": as_teams}


def _without_mentions(text: str) -> str:
	"""No `@channel`, `@here` or `@all`: an empty character follows the sign."""
	return text.replace("@", "@\u200b")


def _slack(text: str) -> str:
	# Links of Mattermost are broken, too; the rest stays, as people copy it into consoles
	text = html.escape(text, quote=False).replace("](", "]\u200b(")
	return _without_mentions(text)


def _discord(text: str) -> str:
	return _without_mentions(_MARKDOWN.sub(r"\\\1", text))


def _rich(texts: list[str], tint: str = "default", **style: Any) -> dict[str, Any]:
	inlines = [{"type": "TextRun", "text": text, "color": tint, **style} for text in texts]
	return {"type": "RichTextBlock", "inlines": inlines}
