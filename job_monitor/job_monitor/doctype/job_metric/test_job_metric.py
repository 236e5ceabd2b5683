"""Rows of Job Metric: each run is read once, whatever clock and zone the site had, and one spoilt row spoils nothing else."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

import frappe

from job_monitor.bridge.history import baselines, job_metric, recent_runs
from job_monitor.bridge.history.job_metric import DAY, HOUR, METRIC, MINUTE, Bucket, MetricRow
from job_monitor.bridge.history.recorder_progress import STATE, Progress, drop_future_rows
from job_monitor.bridge.site import state
from job_monitor.core import clock
from job_monitor.core.history.aggregates import Methods
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.runs import FIRST
from job_monitor.patches import metrics_in_utc
from job_monitor.recorder import rollup
from job_monitor.tests.support.site_test_case import SiteTestCase

NOW = datetime(2026, 6, 10, 12, 34, tzinfo=timezone.utc)
AGES = (0, 3, 9, 10, 11, 45, 60, 61, 90, 240, 600, 1400, 1439, 1441, 3000)
"""Minutes."""


class TestJobMetric(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.addCleanup(frappe.db.rollback)
		frappe.db.delete(METRIC)
		until = {
			name: str(NOW.replace(hour=4, minute=0) - timedelta(days=4))
			for name in ("hours_until", "days_until")
		}
		state.put(STATE, json.dumps({"after": FIRST, **until}))
		self.now = NOW
		zone = patch("job_monitor.bridge.timezones.zone_name", lambda: self.zone)
		for faked in (patch.object(clock, "now", lambda: self.now), zone):
			faked.start()
			self.addCleanup(faked.stop)
		self.zone = "America/New_York"

	@contextmanager
	def at(self, now: datetime, zone: str) -> Iterator[None]:
		before = self.now, self.zone
		self.now, self.zone = now, zone
		yield
		self.now, self.zone = before

	def record(self, minutes: int = 0, outcome: str = "failed", runs: int = 1) -> None:
		"""As the recorder does: into the finest row that is still open."""
		progress = Progress.read()
		row = MetricRow()
		for _run in range(runs):
			row.methods.of("app.task").add(Run("1", "app.task", "short", 0.0, outcome=outcome, duration=1.0))
		job_metric.add({progress.bucket(self.now - timedelta(minutes=minutes), "short"): row})

	def sum_up(self) -> None:
		"""As the recorder does, without asking Redis, and within the test's transaction."""
		with (
			patch.object(state, "lock", state.get),
			patch.object(frappe.db, "commit"),
			patch.object(frappe.db, "rollback"),
		):
			kept = state.get(STATE)
			drop_future_rows(kept)
			state.put(STATE, Progress.load(kept).dump())
			rollup.roll_up()

	def seen(self, *windows: int) -> list[int]:
		found = recent_runs.outcomes(windows)
		return [sum(counts.total() for counts in found[window].values()) for window in windows]

	def test_each_window_holds_each_run_once(self) -> None:
		for age in AGES:
			self.record(age)
		windows = (10, 60, 90, 600, 1440)
		expected = [sum(age <= window for age in AGES) for window in windows]
		self.assertEqual(self.seen(*windows), expected)
		self.sum_up()
		self.assertEqual(frappe.db.count(METRIC, {"resolution": "Minute"}), len(AGES))
		self.assertEqual(self.seen(*windows), expected)
		self.assertEqual(self.seen(1440), expected[-1:])

	def test_one_spoilt_row_spoils_no_other(self) -> None:
		self.record(1, runs=3)
		self.record(2, runs=4)
		bucket = Bucket(MINUTE, MINUTE.floor(NOW - timedelta(minutes=1)), "short")
		frappe.db.set_value(METRIC, bucket.name, "counts", "spoilt")
		self.assertEqual(self.seen(60), [4])

	def test_spoilt_baselines_leave_the_others(self) -> None:
		state.put(
			baselines.STATE, json.dumps({"a": [30, 1.0, 2.0], "b": "x", "c": [1], "d": [3, None, None]})
		)
		self.assertEqual(list(baselines.read()), ["a"])
		for text in ("spoilt", "[1]", "null"):
			state.put(baselines.STATE, text)
			self.assertEqual(baselines.read(), {})

	def test_rules_see_new_runs_after_the_zone_moved_west(self) -> None:
		"""From Kolkata to New York the site's clock goes back 9.5 hours."""
		with self.at(NOW - timedelta(minutes=50), "Asia/Kolkata"):
			self.record(0, runs=7)
			self.sum_up()
		self.record(0, runs=2)
		self.assertEqual(frappe.db.count(METRIC, {"resolution": "Minute"}), 2)
		self.assertEqual(self.seen(10, 60), [2, 9])
		self.sum_up()
		self.assertEqual(self.seen(10, 60, 1440), [2, 9, 9])

	def test_the_night_in_which_the_clock_is_set_back(self) -> None:
		"""In New York 05:50 and 06:50 UTC are both 01:50 on the 1st of November 2026."""
		first = datetime(2026, 11, 1, 5, 50, tzinfo=timezone.utc)
		with self.at(first, "America/New_York"):
			self.record(0, runs=5)
			self.sum_up()
		with self.at(first + timedelta(hours=1), "America/New_York"):
			self.record(0, runs=3)
			self.assertEqual(self.seen(10, 90), [3, 8])
			self.assertEqual(frappe.db.count(METRIC, {"resolution": "Minute"}), 2)
		with self.at(first + timedelta(hours=3), "America/New_York"):
			self.sum_up()
			hours = {
				b.start.hour: r.methods.total().total
				for b, r in job_metric.read(HOUR, first - timedelta(hours=2), self.now)
			}
			self.assertEqual(hours, {5: 5, 6: 3})

	def test_a_clock_that_was_ahead_and_is_set_back(self) -> None:
		self.record(0, runs=2)
		with self.at(NOW + timedelta(days=2), self.zone):
			self.record(0, runs=1)
			self.sum_up()
		self.sum_up()
		self.record(0, runs=4)
		self.assertEqual(self.seen(1), [4])
		with self.at(NOW + timedelta(days=3), self.zone):
			self.sum_up()
			rows = job_metric.read(DAY, NOW - timedelta(days=1), self.now)
			self.assertEqual([row.methods.total().total for _bucket, row in rows], [6, 1])

	def test_days_of_the_site_are_days(self) -> None:
		for zone, begins in (("Asia/Kolkata", (18, 30)), ("America/New_York", (4, 0)), ("UTC", (0, 0))):
			with self.at(NOW, zone):
				start = DAY.floor(NOW)
				self.assertEqual((start.hour, start.minute), begins, zone)
				self.assertLessEqual(start, NOW)
				self.assertGreater(job_metric.following(DAY, start), NOW)

	def test_rows_of_before_are_converted(self) -> None:
		"""Moments in the site's zone and all in one column, base85."""
		if not frappe.db.has_column(METRIC, "methods"):
			frappe.db.sql_ddl(f"ALTER TABLE `tab{METRIC}` ADD COLUMN `methods` TEXT")
			frappe.client_cache.delete_keys("table_columns") if hasattr(frappe, "client_cache") else None
			frappe.cache.hdel("table_columns", f"tab{METRIC}")
		columns: dict[str, Any] = {"method": ["app.task"], "success": [3], "failed": [1], "timeout": [0]}
		columns |= {"stopped": [0], "killed": [2], "seconds": [6.0], "cpu": [0.5], "waited": [1.5]}
		columns |= {"memory": [2**20], "durations": ["0:4 18:2"], "waits": ["-12:3"]}
		text = base64.b85encode(zlib.compress(json.dumps(columns).encode())).decode()
		for name, start, methods in (
			("Minute 2026-06-10 08:30 short", "2026-06-10 08:30:00", text),
			("Minute 2026-06-10 08:31 short", "2026-06-10 08:31:00", "spoilt"),
		):
			values = (name, "Minute", start, "short", methods, 9, 2.5)
			frappe.db.sql(
				f"INSERT INTO `tab{METRIC}` (name, resolution, start, queue, methods, depth, oldest_age)"
				" VALUES (%s, %s, %s, %s, %s, %s, %s)",
				values,
			)
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, METRIC)
		with patch.object(frappe.db, "commit"):
			metrics_in_utc.execute()
			metrics_in_utc.execute()
		rows = list(job_metric.read(MINUTE, NOW - timedelta(hours=1), NOW))
		self.assertEqual([b.start.hour for b, _row in rows], [12, 12])
		total = Methods().merge(row.methods for _bucket, row in rows).total()
		self.assertEqual(total.counts, {"success": 3, "failed": 1, "timeout": 0, "stopped": 0, "killed": 2})
		self.assertEqual((total.seconds, total.cpu, total.waited, total.memory), (6.0, 0.5, 1.5, 2**20))
		self.assertEqual(total.durations.counts, {0: 4, 18: 2})
		self.assertEqual([row.depth for _bucket, row in rows], [9, 9])
