"""The report Job Performance on a site, over a log of its own."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import frappe

from job_monitor.bridge.reports import monitor_log
from job_monitor.job_monitor.report.job_performance.job_performance import execute
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off


class TestJobPerformance(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		folder = TemporaryDirectory()
		self.addCleanup(folder.cleanup)
		self.log = Path(folder.name) / "logs" / "monitor.json.log"
		self.log.parent.mkdir()
		patcher = patch.object(monitor_log, "get_bench_path", return_value=folder.name)
		patcher.start()
		self.addCleanup(patcher.stop)

	def write(self, *records: dict[str, Any]) -> None:
		usual = {"duration": 2_000_000, "transaction_type": "job", "site": frappe.local.site}
		lines = []
		for number, record in enumerate(records):
			job = {"method": "app.task", "scheduled": False, "wait": 500_000}
			stamp = {"timestamp": f"2026-11-20 10:00:{number:02}.000000+00:00", "uuid": str(number)}
			lines.append(json.dumps({**usual, **stamp, "job": job, **record}))
		self.log.write_text("\n".join(lines) + "\n")

	def test_this_sites_jobs_by_method(self) -> None:
		self.write(
			{}, {"queue": "long"}, {"site": frappe.local.site + ".evil"}, {"transaction_type": "request"}
		)
		_columns, rows, message, chart, summary = execute({})
		self.assertEqual(
			[(row["method"], row["count"], row["total"]) for row in rows], [("app.task", 2, 4.0)]
		)
		self.assertEqual((rows[0]["share"], message, summary[0]["value"]), (100.0, "", 2))
		self.assertEqual(chart["data"]["datasets"][0]["values"], [2])
		self.assertEqual(len(execute({"queue": "long"})[1]), 1)
		self.assertEqual(execute({"since": "2026-11-22 00:00:00"})[1], [])

	def test_without_a_log_it_says_how_to_turn_it_on(self) -> None:
		with patch.dict(frappe.local.conf, {"monitor": 0}):
			self.assertIn("bench set-config -g -p monitor 1", execute({})[2])
			self.assertIsNone(execute({})[4])

	def test_a_large_log_is_read_in_the_background(self) -> None:
		self.write(*[{"uuid": f"x{n}", "timestamp": f"2026-11-20 10:00:00.{n:06}"} for n in range(6_000)])
		filters = {"method": f"app.{frappe.generate_hash(length=4)}"}
		with patch.object(monitor_log, "REQUEST_SECONDS", 0):
			_columns, _rows, message, *_rest = execute(filters)
			self.assertIn("All of it is being read", message)
			monitor_log.read_all(monitor_log.key_of(filters), filters)
			self.assertIn("As read at", execute(filters)[2])
		self.assertTrue(
			frappe.get_all("RQ Job", {"method": ["like", "%monitor_log.read_all%"]}, pluck="name")
		)
		work_off("long")

	def test_who_may_run_it(self) -> None:
		self.write({})
		path = "/api/method/frappe.desk.query_report.run"
		for user, code in (
			(make_user("jm-reader@example.com", "Job Monitor User"), 200),
			(make_user("jm-nobody@example.com", "Desk User"), 403),
		):
			self.assertEqual(request(path, user, report_name="Job Performance", filters="{}")[0], code, user)
