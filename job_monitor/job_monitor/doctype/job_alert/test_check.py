"""`bench job-monitor check` as cron runs it: in a process of its own, over the sites of this bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe.utils import get_bench_path

from job_monitor.alerts import engine
from job_monitor.job_monitor.doctype.job_alert.test_job_alert import AlertTestCase


def check(*arguments: str, site: str = "", zone: str = "UTC") -> tuple[int, str]:
	which = ["--site", site] if site else []
	done = subprocess.run(
		[
			sys.executable,
			"-m",
			"frappe.utils.bench_helper",
			"frappe",
			*which,
			"job-monitor",
			"check",
			*arguments,
		],
		cwd=os.path.join(get_bench_path(), "sites"),
		env={**os.environ, "TZ": zone},
		capture_output=True,
		text=True,
		timeout=120,
		check=False,
	)
	return done.returncode, done.stdout


class TestCheck(AlertTestCase):
	def test_a_site_without_the_app_is_left_out_and_no_failure(self) -> None:
		code, output = check("--json")
		looks: list[dict[str, Any]] = json.loads(output)
		left_out = [look["site"] for look in looks if look["left_out"]]
		if not left_out:
			self.skipTest("all sites of this bench have the app")
		if not any(look["problem"] for look in looks):
			self.assertLessEqual(code, 1)
		self.assertIn(f"{left_out[0]}: left out.", check()[1])
		code, output = check(site=left_out[0])
		self.assertEqual((code, "not installed" in output), (2, True))

	def test_times_have_their_zone(self) -> None:
		self.rule("Error Log Rate", threshold=3)
		self.errors(4)
		engine.evaluate("test")
		frappe.db.commit()
		self.assertRegex(
			check(site=frappe.local.site, zone="Asia/Kolkata")[1], r"since [\d-]{10} [\d:]{8}\+05:30,"
		)
		(look,) = json.loads(check("--json", site=frappe.local.site, zone="Asia/Kolkata")[1])
		moment = datetime.fromisoformat(look["alerts"][0]["began_at"])
		self.assertEqual(moment.utcoffset(), timedelta(0))
