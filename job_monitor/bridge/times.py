"""Moments of core (UTC) as Frappe keeps them: naive, in the site's time zone; and back."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from frappe.utils import get_datetime, get_system_timezone


def to_site(moment: datetime | None) -> datetime | None:
	return moment.astimezone(site_zone()).replace(tzinfo=None) if moment else None


def to_utc(moment: datetime) -> datetime:
	return moment.replace(tzinfo=site_zone()).astimezone(timezone.utc)


def to_column(moment: datetime) -> datetime:
	"""As our own columns in UTC have it: Frappe's fields take naive moments only."""
	return moment.astimezone(timezone.utc).replace(tzinfo=None)


def from_column(value: datetime | str) -> datetime:
	"""What `to_column` wrote."""
	return get_datetime(value).replace(tzinfo=timezone.utc)


def site_zone() -> ZoneInfo:
	return ZoneInfo(get_system_timezone())
