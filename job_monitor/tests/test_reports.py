"""A report of ours answers whatever happens: on Frappe 15 one that raises is made in the background for good."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import patch

import frappe
from frappe.core.doctype.report import report as frappes

from job_monitor import install
from job_monitor.bridge.reports import safe_report
from job_monitor.bridge.site import release
from job_monitor.job_monitor.report.schedule_health import schedule_health
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request

REPORTS = ("Job Latency", "Job Performance", "Job Throughput", "Schedule Health")
RUN = "/api/method/frappe.desk.query_report.run"


class TestReportsAnswer(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.addCleanup(frappe.db.set_value, "Report", {"name": ["in", REPORTS]}, "prepared_report", 0)
		self.addCleanup(frappe.db.rollback)
		self.user = make_user("jm-reads-reports@example.com", "Job Monitor User")

	def run_report(self, report: str, filters: str) -> dict[str, Any]:
		code, answer = request(RUN, self.user, "POST", report_name=report, filters=filters)
		self.assertEqual(code, 200, answer)
		self.assertNotIn("_server_messages", answer)
		self.assertEqual(self.watchers(), [], "Frappe will take it for slow")
		return dict(answer["message"])

	def watchers(self) -> list[threading.Thread]:
		"""What makes a report one for the background after 15 seconds."""
		return [
			thread
			for thread in threading.enumerate()
			if isinstance(thread, threading.Timer)
			and thread.function is frappes.enable_prepared_report
			and not thread.finished.is_set()
		]

	def test_bad_filters_are_a_message(self) -> None:
		for report in ("Job Latency", "Job Performance", "Job Throughput"):
			answer = self.run_report(report, '{"since": "<b>x</b>"}')
			self.assertEqual(answer["result"], [])
			self.assertIn("&lt;b&gt;x&lt;/b&gt; is no moment", answer["message"])

	def test_filters_of_any_kind_are_answered(self) -> None:
		for report in REPORTS:
			for filters in ('{"until": ["x"]}', '{"queue": {"a": 1}, "method": 7}', '{"state": ["x"]}', "[]"):
				self.run_report(report, filters)

	def test_redis_away_is_a_message(self) -> None:
		frappe.clear_messages()
		with patch.dict(frappe.local.conf, redis_queue="redis://127.0.0.1:1"):
			_columns, rows, message, *_rest = schedule_health.execute({})
		self.assertEqual(rows, [])
		self.assertIn("Redis", message)
		self.assertEqual(frappe.local.message_log, [])

	def test_a_failed_statement_is_a_message_and_logged_but_without_migrate_not_logged(self) -> None:
		@safe_report.answered
		def execute(_filters: dict[str, Any] | None = None) -> tuple[Any, ...]:
			return tuple(frappe.db.sql("select no_such_column from `tabJob Metric`"))

		title = {"method": "Job Monitor: a report could not be made"}
		before = frappe.db.count("Error Log", title)
		_columns, rows, message, *_rest = execute(None)
		self.assertEqual(rows, [])
		self.assertIn("The Error Log tells more", message)
		self.assertEqual(frappe.db.count("Error Log", title), before + 1)
		with patch.object(release, "is_migrated", return_value=False):
			self.assertIn("migrate", execute(None)[2])
		self.assertLessEqual(frappe.db.count("Error Log", title), before + 1)

	def test_migrate_takes_back_what_frappe_had_set(self) -> None:
		frappe.db.set_value("Report", "Job Performance", "prepared_report", 1)
		install.after_migrate()
		self.assertEqual(frappe.db.get_value("Report", "Job Performance", "prepared_report"), 0)
