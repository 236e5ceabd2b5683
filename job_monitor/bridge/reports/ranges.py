"""Range of time of a report, in whole buckets of the site's clock. Moments in UTC, labels in the site's time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime, get_system_timezone

from job_monitor.bridge.history.job_metric import DAY, HOUR, KEPT_DAYS, MINUTE, Scale, following
from job_monitor.bridge.markup import as_html
from job_monitor.bridge.timezones import readings, site_zone, to_utc
from job_monitor.core import clock

HOURS = {"Last Hour": 1, "Last 3 Hours": 3, "Last 24 Hours": 24, "Last 7 Days": 168, "Last 30 Days": 720,
	"Last 90 Days": 2160}  # fmt: skip
"""Ranges by name, as offered in Desk."""

DEFAULT = "Last 24 Hours"
LARGEST_DAYS = 400
LONGEST = {MINUTE: timedelta(hours=3), HOUR: timedelta(days=7)}
"""The longest range in minutes, and in hours: 180 and 168 buckets, which a chart can show."""


@dataclass(frozen=True)
class Range:
	"""A range of time.

	Attributes:
		scale: Resolution: a bucket is a minute, an hour or a day.
		start, end: Start of the first bucket, end of the last one.
		now: When the report was requested; later parts of the last bucket are still to come.
	"""

	scale: Scale
	start: datetime
	end: datetime
	now: datetime

	def buckets(self) -> Iterator[datetime]:
		"""Starts of the buckets, the earliest first."""
		moment = self.start
		while moment < self.end:
			yield moment
			moment = following(self.scale, moment)

	def minutes(self, bucket: datetime | None = None) -> float:
		"""Minutes of a bucket, or of the whole range, that are over; 1 at least."""
		start, end = (self.start, self.end) if bucket is None else (bucket, following(self.scale, bucket))
		return max(1.0, (min(end, self.now) - start).total_seconds() / 60)

	def label(self, moment: datetime) -> str:
		"""A bucket's start, as short as the scale allows."""
		return _local(moment).strftime({MINUTE: "%H:%M", HOUR: "%m-%d %H:%M"}.get(self.scale, "%Y-%m-%d"))

	def message(self) -> str:
		"""The range in words."""
		by = {MINUTE: _("By the minute"), HOUR: _("By the hour")}.get(self.scale, _("By the day"))
		first, last = (
			_local(moment).strftime("%Y-%m-%d %H:%M") for moment in (self.start, min(self.end, self.now))
		)
		return _("{0}, from {1} to {2}, {3} time.").format(by, first, last, get_system_timezone())


def of(filters: Any) -> Range:
	"""The range that a report's filters select.

	Args:
		filters: `range`, a name of `HOURS`; or `since` and `until` in the site's time zone, which win.

	Raises:
		frappe.ValidationError
	"""
	now = clock.now()
	hours = HOURS.get(str(filters.get("range") or DEFAULT), HOURS[DEFAULT])
	if not filters.get("since") and not filters.get("until"):
		scale = _scale(now - timedelta(hours=hours), now, now)
		end = following(scale, scale.floor(now))
		return Range(scale, scale.floor(end - timedelta(hours=hours)), end, now)
	until = min(moment_of(filters.get("until")) or now, now)
	since = start_of(filters.get("since")) or until - timedelta(hours=hours)
	since = max(since, until - timedelta(days=LARGEST_DAYS))
	if since >= until:
		frappe.throw(_("From must be before Until, and not in the future."))
	scale = _scale(since, until, now)
	end = scale.floor(until)
	return Range(scale, scale.floor(since), following(scale, end) if end < until else end, now)


def _local(moment: datetime) -> datetime:
	return moment.astimezone(site_zone())


def start_of(value: Any) -> datetime | None:
	"""As `moment_of`, for the start of a range: in the hour that clocks repeat, the first one, so that the range has both."""
	return readings(get_datetime(value), site_zone())[0] if moment_of(value) else None


def moment_of(value: Any) -> datetime | None:
	"""A filter's moment, which is in the site's time zone, in UTC; None for an empty filter.

	Raises:
		frappe.ValidationError: It is no moment.
	"""
	try:
		return to_utc(get_datetime(value)) if value else None
	except (ValueError, TypeError, AttributeError, OverflowError, frappe.ValidationError):
		frappe.throw(_("{0} is no moment.").format(as_html(value, 40)))


def _scale(since: datetime, until: datetime, now: datetime) -> Scale:
	"""The finest scale that a chart can show, and whose rows are still kept."""
	for scale in (MINUTE, HOUR):
		if until - since <= LONGEST[scale] and since >= now - timedelta(days=KEPT_DAYS[scale]):
			return scale
	return DAY
