"""The log files' endpoints: managers only, known names only, never a path."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import frappe
from frappe.utils import get_bench_path

from job_monitor.bridge import log_files
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request

API = "/api/method/job_monitor.api.logs."


class TestLogs(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		patcher = patch.object(log_files, "_sees_all", return_value=True)
		patcher.start()
		self.addCleanup(patcher.stop)
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


class TestOtherSites(SiteTestCase):
	"""The bench has other sites, and this one is not the bench's."""

	def setUp(self) -> None:
		super().setUp()
		self.user = make_user("jm-manager@example.com", "Job Monitor Manager")
		self.mark = frappe.generate_hash(length=12)
		other = Path(get_bench_path(), "sites", f"jm-{self.mark}.localhost")
		other.mkdir()
		self.addCleanup(other.rmdir)
		(other / "site_config.json").write_text("{}")
		self.addCleanup((other / "site_config.json").unlink)

	def write(self, file: str, *lines: str, site: str = "") -> None:
		folder = Path(get_bench_path(), *(("sites", site) if site else ()), "logs")
		folder.mkdir(exist_ok=True)
		log = folder / file
		before = log.read_bytes() if log.exists() else None
		self.addCleanup(log.write_bytes, before) if before is not None else self.addCleanup(log.unlink)
		with log.open("a") as out:
			out.write("\n".join(lines) + "\n")

	def read(self, name: str) -> str:
		code, answer = request(API + "read", self.user, "POST", name=name, records="500")
		self.assertEqual(code, 200, answer)
		return str(answer["message"]["records"])

	def test_only_what_is_proven_to_be_of_this_site_is_shown(self) -> None:
		ours, theirs = f"ours-{self.mark}", f"theirs-{self.mark}"
		site, other = frappe.local.site, frappe.local.site + ".evil"
		stamp = "2026-11-24 10:00:00,000 INFO rq"
		self.write(
			"monitor.json.log",
			*(json.dumps({"site": s, "uuid": m}) for s, m in ((site, ours), (other, theirs))),
		)
		self.write(
			"worker.log", *(f"{stamp} short: {m}() ({s}||1)" for s, m in ((site, ours), (other, theirs)))
		)
		self.write("scheduler.log", f"{stamp} {theirs}")
		self.write("scheduler.log", f"{stamp} {ours}", site=site)
		for name in ("monitor", "worker", "scheduler"):
			shown = self.read(name)
			self.assertEqual((ours in shown, theirs in shown), (True, False), name)
		self.write("schedule.log", f"{stamp} {theirs}")
		self.assertEqual(self.read("schedule"), "[]")
		files = {f["name"]: f for f in request(API + "get_files", self.user)[1]["message"]}
		self.assertIn("job_monitor_bench_site", files["schedule"]["note"])
		self.assertEqual(files["schedule"]["size"], 0)

	def test_the_benchs_own_site_sees_all_and_its_own_configuration_does_not_make_it_so(self) -> None:
		self.write("schedule.log", f"2026-11-24 10:00:00,000 INFO {self.mark}")
		common = Path(get_bench_path(), "sites", "common_site_config.json")
		before = common.read_text()
		self.addCleanup(common.write_text, before)
		with patch.dict(frappe.local.conf, {"job_monitor_bench_site": frappe.local.site}):
			self.assertFalse(log_files._sees_all(Path(get_bench_path())), "site_config.json does not count")
		for named, shown in ((frappe.local.site + ".evil", False), (frappe.local.site, True)):
			common.write_text(json.dumps({**json.loads(before), "job_monitor_bench_site": named}))
			self.assertEqual(self.mark in self.read("schedule"), shown, named)
