"""The log files' endpoints: managers only, known names only, never a path."""

from __future__ import annotations

from pathlib import Path

import frappe
from frappe.utils import get_bench_path

from job_monitor.testing import SiteTestCase, make_user, request

API = "/api/method/job_monitor.api.logs."


class TestLogs(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.user = make_user("jm-manager@example.com", "Job Monitor Manager")

	def read(self, name: str, **more: str) -> tuple[int, str]:
		code, answer = request(API + "read", self.user, "POST", name=name, **more)
		return code, str(answer)

	def test_managers_only(self) -> None:
		for user in (
			"",
			make_user("jm-website@example.com", user_type="Website User"),
			make_user("jm-nobody@example.com", "Desk User"),
			make_user("jm-reader@example.com", "Job Monitor User"),
		):
			self.assertIn(request(API + "get_files", user)[0], (401, 403), user)
			self.assertIn(request(API + "read", user, "POST", name="worker.error")[0], (401, 403), user)

	def test_known_logs_are_listed_and_read(self) -> None:
		code, answer = request(API + "get_files", self.user)
		names = {file["name"] for file in answer["message"]}
		self.assertEqual((code, {"worker.error", "scheduler", "monitor"} <= names), (200, True))
		log = Path(get_bench_path(), "logs", "worker.error.log")
		marker = frappe.generate_hash(length=12)
		with log.open("a") as file:
			file.write(f"2026-11-23 10:00:00,000 ERROR {marker} password=hunter2\n")
		code, shown = self.read("worker.error", text=marker)
		self.assertEqual(code, 200)
		self.assertIn(marker, shown)
		self.assertNotIn("hunter2", shown)
		frappe.db.rollback()
		self.assertTrue(
			frappe.db.count("Job Monitor Audit", {"action": "read log", "subject": "worker.error"})
		)

	def test_no_name_becomes_a_path(self) -> None:
		for name in (
			"../sites/common_site_config.json",
			"/etc/passwd",
			"worker.error/../../config/redis_queue.conf",
			"worker.error\x00",
			"..%2f..%2fetc%2fpasswd",
			"",
			"ｗorker.error",
		):
			code, shown = self.read(name)
			self.assertIn(code, (417, 500) if not name else (417,), name)
			self.assertNotIn("root:", shown)
		for more in ({"older": "../../x"}, {"newer": "zz"}, {"level": "NONE"}, {"records": "100000"}):
			self.assertEqual(self.read("worker.error", **more)[0], 417, more)

	def test_a_link_that_leads_out_is_not_followed(self) -> None:
		log = Path(get_bench_path(), "logs", "worker.error.log.9")
		log.unlink(missing_ok=True)
		log.symlink_to("/etc/passwd")
		self.addCleanup(log.unlink)
		self.assertNotIn("root:x", self.read("worker.error", records="500")[1])
