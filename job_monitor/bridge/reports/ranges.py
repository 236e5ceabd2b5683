"""The time that a report is about, in whole buckets of the site's clock. Moments in UTC, labels in the site's zone."""

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
from job_monitor.bridge.timezones import site_zone, to_utc
from job_monitor.core import clock

HOURS = {"Last Hour": 1, "Last 3 Hours": 3, "Last 24 Hours": 24, "Last 7 Days": 168, "Last 30 Days": 720,
	"Last 90 Days": 2160}  # fmt: skip
"""Ranges by name, as offered in Desk."""

DEFAULT = "Last 24 Hours"
LARGEST_DAYS = 400
LONGEST = {MINUTE: timedelta(hours=3), HOUR: timedelta(days=7)}
"""Up to how long a range is told by the minute, by the hour; 180 and 168 buckets, which a chart can show."""


@dataclass(frozen=True)
class Range:
	"""
	Attributes:
		scale: Resolution: a bucket is a minute, an hour or a day.
		start, end: Of the first and after the last bucket.
		now: When it was asked.
	"""

	scale: Scale
	start: datetime
	end: datetime
	now: datetime

	def buckets(self) -> Iterator[datetime]:
		moment = self.start
		while moment < self.end:
			yield moment
			moment = following(self.scale, moment)

	def minutes(self, bucket: datetime | None = None) -> float:
		"""Minutes that are over of a bucket, or of the whole range."""
		start, end = (self.start, self.end) if bucket is None else (bucket, following(self.scale, bucket))
		return max(1.0, (min(end, self.now) - start).total_seconds() / 60)

	def label(self, moment: datetime) -> str:
		return _local(moment).strftime({MINUTE: "%H:%M", HOUR: "%m-%d %H:%M"}.get(self.scale, "%Y-%m-%d"))

	def told(self) -> str:
		"""In words, for people."""
		by = {MINUTE: _("By the minute"), HOUR: _("By the hour")}.get(self.scale, _("By the day"))
		first, last = (
			_local(moment).strftime("%Y-%m-%d %H:%M") for moment in (self.start, min(self.end, self.now))
		)
		return _("{0}, from {1} to {2}, {3} time.").format(by, first, last, get_system_timezone())


def of(given: Any) -> Range:
	"""
	Args:
		given: `range`, a name of `HOURS`; or `since` and `until` in the site's time zone, which win.

	Raises:
		frappe.ValidationError
	"""
	now = clock.now()
	hours = HOURS.get(str(given.get("range") or DEFAULT), HOURS[DEFAULT])
	if not given.get("since") and not given.get("until"):
		scale = _scale(now - timedelta(hours=hours), now, now)
		end = following(scale, scale.floor(now))
		return Range(scale, scale.floor(end - timedelta(hours=hours)), end, now)
	until = min(moment_of(given.get("until")) or now, now)
	since = moment_of(given.get("since")) or until - timedelta(hours=hours)
	since = max(since, until - timedelta(days=LARGEST_DAYS))
	if since >= until:
		frappe.throw(_("From must be before Until, and not in the future."))
	scale = _scale(since, until, now)
	end = scale.floor(until)
	return Range(scale, scale.floor(since), following(scale, end) if end < until else end, now)


def _local(moment: datetime) -> datetime:
	return moment.astimezone(site_zone())


def moment_of(value: Any) -> datetime | None:
	"""In UTC, of a filter in the site's time zone; None for none.

	Raises:
		frappe.ValidationError
	"""
	try:
		return to_utc(get_datetime(value)) if value else None
	except (ValueError, TypeError, AttributeError, OverflowError, frappe.ValidationError):
		frappe.throw(_("{0} is no moment.").format(as_html(value, 40)))


def _scale(since: datetime, until: datetime, now: datetime) -> Scale:
	"""The finest that is short enough, and that is still kept."""
	for scale in (MINUTE, HOUR):
		if until - since <= LONGEST[scale] and since >= now - timedelta(days=KEPT_DAYS[scale]):
			return scale
	return DAY
