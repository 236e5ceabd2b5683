"""Moments of the site's clock in the hour that it shows twice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from unittest.mock import patch
from zoneinfo import ZoneInfo

from job_monitor.bridge.lists.filters import Filter
from job_monitor.bridge.reports import ranges
from job_monitor.bridge.rq import job_search
from job_monitor.bridge.timezones import to_utc
from job_monitor.core import clock
from job_monitor.tests.support.site_test_case import SiteTestCase

HALF_PAST = datetime(2026, 10, 25, 2, 30)
FIRST = datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)
LATER = FIRST + timedelta(hours=1)


class TestRepeatedHour(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		for module in ("timezones", "rq.job_search", "reports.ranges"):
			zone = patch(f"job_monitor.bridge.{module}.site_zone", return_value=ZoneInfo("Europe/Berlin"))
			zone.start()
			self.addCleanup(zone.stop)

	def test_a_moment_is_the_later_one_once_that_has_come(self) -> None:
		for now, expected in ((LATER - timedelta(seconds=1), FIRST), (LATER, LATER)):
			with patch.object(clock, "now", return_value=now):
				self.assertEqual(to_utc(HALF_PAST), expected)

	def test_a_moment_that_clocks_skip_is_after_the_change(self) -> None:
		with patch.object(clock, "now", return_value=LATER):
			skipped = to_utc(datetime(2026, 3, 29, 2, 30))
		self.assertEqual(skipped, datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc))

	def test_a_range_has_both(self) -> None:
		with patch.object(clock, "now", return_value=LATER + timedelta(days=1)):
			self.assertEqual(ranges.start_of(str(HALF_PAST)), FIRST)
			self.assertEqual(ranges.moment_of(str(HALF_PAST)), LATER)
		self.assertIsNone(ranges.start_of(""))

	def test_a_filter_of_jobs_leaves_out_neither(self) -> None:
		fields: dict[str, object] = {}
		job_search._narrow_created(fields, Filter("creation", "=", str(HALF_PAST)))
		self.assertEqual(fields, {"created_after": FIRST, "created_before": LATER})
