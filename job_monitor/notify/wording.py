"""Numbers and durations as people say them; `_` translates. `core.durations.duration` has the short form for tables."""

from __future__ import annotations

from collections.abc import Callable

Translate = Callable[[str], str]


def counted(number: int, singular: str, plural: str) -> str:
	"""A number with its noun.

	Args:
		singular, plural: Translated; `{0}` stands for the number.
	"""
	return (singular if number == 1 else plural).format(f"{number:,}")


def spoken(seconds: float | None, _: Translate = str) -> str:
	"""`less than a second`, `40 seconds`, `1 minute 30 seconds`, `12 minutes`, `3 hours 20 minutes`, `15 days`."""
	if seconds is None:
		return _("an unknown time")
	left = round(seconds)
	if left < 1:
		return _("less than a second")
	parts = []
	for size, say in ((86400, _days), (3600, _hours), (60, _minutes), (1, _seconds)):
		number, rest = divmod(left, size)
		if number:
			parts.append(say(number, _))
		if parts and (number >= 10 or len(parts) == 2 or not number):
			break
		left = rest
	return " ".join(parts)


def _days(number: int, _: Translate) -> str:
	return _("1 day") if number == 1 else _("{0} days").format(f"{number:,}")


def _hours(number: int, _: Translate) -> str:
	return _("1 hour") if number == 1 else _("{0} hours").format(number)


def _minutes(number: int, _: Translate) -> str:
	return _("1 minute") if number == 1 else _("{0} minutes").format(number)


def _seconds(number: int, _: Translate) -> str:
	return _("1 second") if number == 1 else _("{0} seconds").format(number)


def last(minutes: int, _: Translate = str) -> str:
	"""`the last hour`, `the last 10 minutes`: of a window."""
	singular = {1: _("the last minute"), 60: _("the last hour"), 1440: _("the last day")}
	return singular.get(minutes) or _("the last {0}").format(spoken(minutes * 60, _))
