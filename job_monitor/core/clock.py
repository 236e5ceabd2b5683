"""Time as RQ writes it. Inside this package every moment is an aware datetime in UTC."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> datetime:
	"""The present moment."""
	return datetime.now(timezone.utc)


def parse(value: bytes | str | None) -> datetime | None:
	"""Read RQ's `2026-01-31T10:20:30.123456Z` (or without the fraction). None for anything else."""
	if not value:
		return None
	raw = value.decode("ascii", "replace") if isinstance(value, bytes) else value
	try:
		# fromisoformat() takes "Z" only since Python 3.11
		moment = datetime.fromisoformat(raw.removesuffix("Z"))
		return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
	except (ValueError, OverflowError):
		return None


def from_epoch(seconds: float) -> datetime | None:
	"""UTC datetime of a Unix time. None for infinity and whatever lies outside the calendar."""
	try:
		return datetime.fromtimestamp(seconds, timezone.utc)
	except (OverflowError, ValueError, OSError):
		return None


def local(moment: datetime) -> str:
	"""The text of a moment in the terminal's time, with its distance to UTC."""
	return moment.astimezone().isoformat(" ", "seconds")


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
	"""Seconds from start to end, never below 0: two hosts' clocks may disagree. None if one is unknown."""
	if start is None or end is None:
		return None
	return max(0.0, (end - start).total_seconds())
