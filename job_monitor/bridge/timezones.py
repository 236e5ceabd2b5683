"""Moments of core (UTC) as Frappe has them (naive, in the site's time zone), and back."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import get_datetime, get_system_timezone

from job_monitor.bridge import system_settings
from job_monitor.core import clock

_ZONE = "job_monitor_zone"


def to_site(moment: datetime | None) -> datetime | None:
	"""A moment as Frappe's fields have it."""
	return moment.astimezone(site_zone()).replace(tzinfo=None) if moment else None


def to_utc(moment: datetime) -> datetime:
	"""A moment of one of Frappe's fields, in UTC. In the hour that clocks repeat: the later one, if it has come."""
	first, later = readings(moment, site_zone())
	return later if later <= clock.now() else first


def readings(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
	"""The first and the later moment in UTC that clocks show as this one: two where the hour is repeated, else one twice.

	A moment that clocks skip is that long after the last one before.
	"""
	first, later = (moment.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
	return first, max(first, later)


def to_column(moment: datetime) -> datetime:
	"""A moment as this app's own UTC columns have it: without a zone, as Frappe's fields take no other."""
	return moment.astimezone(timezone.utc).replace(tzinfo=None)


def from_column(value: datetime | str) -> datetime:
	"""The moment that `to_column` wrote."""
	return get_datetime(value).replace(tzinfo=timezone.utc)


def site_now() -> datetime:
	"""The present moment, as Frappe's `now_datetime` gives it."""
	return datetime.now(site_zone()).replace(tzinfo=None)


def site_zone() -> ZoneInfo:
	"""The site's time zone."""
	return ZoneInfo(zone_name())


def zone_name() -> str:
	"""Name of the site's time zone, as Frappe's `get_system_timezone` gives it; one query in a request or job at most."""
	if getattr(frappe.local, "system_settings", None):
		return get_system_timezone()
	known: str | None = getattr(frappe.local, _ZONE, None)
	if known is None:
		known = system_settings.get("time_zone") or get_system_timezone()
		setattr(frappe.local, _ZONE, known)
	return known
