"""The reports Job Throughput and Job Latency on a site, over rows that the tests write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest.mock import patch

import frappe
from frappe.utils import get_system_timezone

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import DAY, HOUR, MINUTE, Bucket, MetricRow
from job_monitor.bridge.history.recorder_progress import STATE
from job_monitor.bridge.reports import ranges, throughput
from job_monitor.bridge.reports.cards import number_card
from job_monitor.bridge.site import state
from job_monitor.bridge.timezones import to_column, to_utc
from job_monitor.core import clock
from job_monitor.core.history.run_records import FAILED, KILLED, STOPPED, SUCCESS, Run
from job_monitor.job_monitor.report.job_latency import job_latency
from job_monitor.job_monitor.report.job_throughput import job_throughput
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request

NOW = datetime(2031, 5, 20, 10, 30)
"""By the site's clock; far from all else that the site has recorded."""


class TestReports(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.addCleanup(frappe.db.rollback)
		now = patch.object(clock, "now", return_value=to_utc(NOW))
		now.start()
		self.addCleanup(now.stop)
		self.rolled_up(datetime(2031, 5, 20, 10), datetime(2031, 5, 20))

	def rolled_up(self, hours: datetime, days: datetime) -> None:
		until = {"hours_until": str(to_utc(hours)), "days_until": str(to_utc(days))}
		state.put(STATE, json.dumps(until))

	def record(
		self, scale: job_metric.Scale, start: datetime, queue: str = "short", depth: int = 0, **runs: int
	) -> None:
		"""`runs` by method and outcome, e.g. `task_failed=2`: each of 2 s, after a wait of 0.5 s."""
		row = MetricRow(depth=depth, oldest_age=depth * 1.5)
		for name, number in runs.items():
			method, _, outcome = name.partition("_")
			for _ in range(number):
				run = Run("j", f"app.{method}", queue, 0.0, outcome=outcome, wait=0.5, duration=2.0, cpu=0.1,
					memory=100 * 2**20)  # fmt: skip
				row.methods.of(run.method).add(run)
		job_metric.add({Bucket(scale, scale.floor(to_utc(start)), queue): row})

	def hours(self) -> None:
		self.record(MINUTE, NOW - timedelta(minutes=5), task_success=3, task_failed=1)
		self.record(HOUR, NOW - timedelta(hours=2), task_success=6, other_killed=1, depth=7)
		self.record(HOUR, NOW - timedelta(hours=2), "long", task_stopped=1)
		self.record(MINUTE, NOW - timedelta(hours=2), task_success=6)  # the same runs, not rolled up

	def values(self, report: tuple[object, ...], *names: str) -> list[tuple[object, ...]]:
		return [tuple(row[name] for name in names) for row in report[1]]

	def test_by_time_each_run_counts_once_and_gaps_are_there(self) -> None:
		self.hours()
		report = job_throughput.execute({})
		rows = self.values(report, "group", "runs", SUCCESS, FAILED, KILLED, STOPPED, "failure_rate")
		self.assertEqual(len(rows), 24)
		self.assertEqual(rows[0], ("05-20 10:00", 4, 3, 1, 0, 0, 25.0))
		self.assertEqual(rows[1], ("05-20 09:00", 0, 0, 0, 0, 0, None))
		self.assertEqual(rows[2], ("05-20 08:00", 8, 6, 0, 1, 1, 12.5))
		chart = report[3]
		self.assertEqual(len(chart["data"]["labels"]), 24)
		by_outcome = {bars["name"]: bars["values"][-3:] for bars in chart["data"]["datasets"]}
		self.assertEqual((by_outcome["Success"], by_outcome["Stopped"]), ([6, 0, 3], [1, 0, 0]))
		self.assertNotIn("Timed Out", by_outcome)
		self.assertIn(get_system_timezone(), report[2])
		self.assertAlmostEqual(report[1][0]["per_minute"], 4 / 30, places=3)

	def test_by_method_and_queue(self) -> None:
		self.hours()
		by_method = job_throughput.execute({"group_by": "Method"})
		self.assertEqual(self.values(by_method, "group", "runs"), [("app.task", 11), ("app.other", 1)])
		by_queue = job_throughput.execute({"group_by": "Queue"})
		self.assertEqual(self.values(by_queue, "group", "runs"), [("short", 11), ("long", 1)])
		self.assertEqual(self.values(job_throughput.execute({"method": "OTHER"}), "runs")[2], (1,))
		self.assertEqual(sum(r[0] for r in self.values(job_throughput.execute({"queue": "long"}), "runs")), 1)

	def test_latency_by_method_time_and_queue(self) -> None:
		self.hours()
		columns, rows, _message, chart, summary = job_latency.execute({})
		task = rows[0]
		self.assertEqual((task["group"], task["runs"], task["memory"]), ("app.task", 11, 100.0))
		for name, expected in (("p50", 2), ("p99", 2), ("max", 2), ("wait_p95", 0.5), ("cpu", 1.1)):
			self.assertAlmostEqual(task[name], expected, delta=0.05)
		self.assertNotIn("depth", [column["fieldname"] for column in columns])
		self.assertEqual(summary[0]["value"], 12)
		p50 = chart["data"]["datasets"][0]["values"]
		self.assertEqual(len(p50), len(chart["data"]["labels"]))
		self.assertEqual(len(p50), 24, "an hour without a run has its place, so that time is not squeezed")
		self.assertNotIn(0, p50, "and is no zero")
		self.assertEqual([round(value) for value in p50 if value is not None], [2, 2])
		waits = job_latency.execute({"chart": "Wait"})[3]["data"]["datasets"][0]["values"]
		self.assertAlmostEqual([value for value in waits if value is not None][-1], 0.5, delta=0.02)
		rows = job_latency.execute({"group_by": "Time"})[1]
		self.assertEqual((rows[1]["p50"], rows[2]["depth"], rows[2]["oldest_age"]), (None, 7, 10.5))
		rows = job_latency.execute({"group_by": "Queue"})[1]
		self.assertEqual([(row["group"], row["depth"]) for row in rows], [("short", 7), ("long", 0)])

	def test_cards_have_no_more_digits_than_one_reads(self) -> None:
		self.record(HOUR, NOW - timedelta(hours=2), task_success=700)
		cards = {card["label"]: card["value"] for card in job_throughput.execute({})[4]}
		self.assertEqual(cards["Worker Time (s)"], "1,400")
		self.assertEqual((cards["Runs per Hour"], cards["Failure Rate"]), ("29.8", "0%"))
		quarter = {
			card["label"]: card["value"] for card in job_throughput.execute({"range": "Last 90 Days"})[4]
		}
		self.assertEqual(quarter["Runs per Day"], "7.74")
		numbers = ((1324.9, "1,325"), (12.34, "12.3"), (2.0, "2"), (0.0071, "0.007"), (0, "0"), (None, ""))
		for number, text in numbers:
			self.assertEqual(number_card("Time", number)["value"], text)

	def test_the_resolution_follows_the_range_and_what_is_kept(self) -> None:
		for filters, scale, buckets in (
			({"range": "Last Hour"}, MINUTE, 60),
			({"range": "Last 3 Hours"}, MINUTE, 180),
			({"range": "Last 7 Days"}, HOUR, 168),
			({"range": "Last 30 Days"}, DAY, 30),
			({"range": "nonsense"}, HOUR, 24),
			({"since": "2031-05-17 10:00:00", "until": "2031-05-17 11:30:00"}, HOUR, 2),
			({"since": "2031-04-17 10:00:00", "until": "2031-04-17 11:30:00"}, DAY, 1),
			({"since": "1999-01-01"}, DAY, 401),
		):
			found = ranges.of(frappe._dict(filters))
			self.assertEqual((found.scale, len(list(found.buckets()))), (scale, buckets), filters)
		for filters in (
			{"since": "2031-05-21"},
			{"since": "tomorrow?"},
			{"since": "2031-05-20", "until": "2031-05-19"},
		):
			with self.assertRaises(frappe.ValidationError):
				ranges.of(frappe._dict(filters))

	def test_days_take_what_is_not_rolled_up_yet(self) -> None:
		self.record(DAY, NOW - timedelta(days=3), task_success=5)
		self.hours()
		rows = self.values(job_throughput.execute({"range": "Last 30 Days"}), "group", "runs")
		self.assertEqual((rows[0], rows[3]), (("2031-05-20", 12), ("2031-05-17", 5)))

	def test_an_empty_report_says_why(self) -> None:
		for filters, text in (
			({"method": "none"}, "No run matches"),
			({}, "No run was recorded|Nothing is recorded"),
		):
			_columns, rows, message, chart, summary = job_throughput.execute(filters)
			self.assertEqual((rows, chart, summary), ([], None, None))
			self.assertRegex(message, text)

	def test_many_methods_and_a_spoilt_row(self) -> None:
		self.record(MINUTE, NOW, **{f"m{n}_success": 1 for n in range(6)})
		self.record(MINUTE, NOW - timedelta(minutes=1), task_success=1)
		start = to_column(MINUTE.floor(to_utc(NOW)))
		frappe.db.set_value("Job Metric", {"start": start}, "counts", "spoilt")
		with patch.object(throughput, "ROWS", 1):
			self.assertEqual(self.values(job_throughput.execute({"group_by": "Method"}), "runs"), [(1,)])

	def test_who_may_run_them(self) -> None:
		frappe.db.rollback()  # the requests commit
		path = "/api/method/frappe.desk.query_report.run"
		for user, code in self.users():
			for report in ("Job Throughput", "Job Latency"):
				self.assertEqual(request(path, user, report_name=report, filters="{}")[0], code, user)

	def users(self) -> Iterator[tuple[str, int]]:
		yield make_user("jm-reads@example.com", "Job Monitor User"), 200
		yield make_user("jm-acts@example.com", "Job Monitor Manager"), 200
		yield make_user("jm-nobody@example.com", "Desk User"), 403
