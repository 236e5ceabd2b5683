"""The monitoring reference, word for word: its snippets are pasted here, and its commands are run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import frappe
from frappe.utils import get_bench_path

from job_monitor import background_jobs_patch
from job_monitor.bridge import doctor
from job_monitor.core import limits
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user, request
from job_monitor.tests.support.workers import work_off, worker


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
	return subprocess.run(
		[sys.executable, "-m", "frappe.utils.bench_helper", "frappe", *arguments],
		cwd=os.path.join(get_bench_path(), "sites"),
		capture_output=True,
		text=True,
		timeout=120,
	)


class TestProgrammaticMonitoring(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		background_jobs_patch.install()

	def test_queue_info(self) -> None:
		self.enqueue(queue="long")
		# --- from the reference
		from frappe.utils.background_jobs import get_queue_info

		info = frappe.call('frappe.utils.background_jobs.get_queue_info')  # fmt: skip
		# Returns queue statistics
		# ---
		self.assertGreaterEqual(info["queues"]["long"]["queued"], 1)
		self.assertGreaterEqual(info["queues"]["long"]["oldest_waiting"], 0)
		self.assertEqual(set(info["queues"]) & {"short", "default", "long"}, {"short", "default", "long"})
		self.assertEqual(get_queue_info().keys(), info.keys())

	def test_queue_info_has_the_last_hour_where_history_has_it(self) -> None:
		from frappe.utils.background_jobs import get_queue_info

		from job_monitor.recorder import ingest

		ingest.ingest()
		before = (get_queue_info()["queues"]["short"]["last_hour"] or {"runs": 0, "failed": 0}).copy()
		self.enqueue("succeed")
		self.enqueue("fail")
		work_off("short")
		# an end that a busy host had no time to note is found out at once
		with patch.object(limits, "RUN_GRACE_SECONDS", -1):
			ingest.ingest()
		after = get_queue_info()["queues"]["short"]["last_hour"]
		self.assertGreaterEqual(after["runs"], before["runs"] + 2)
		self.assertGreaterEqual(after["failed"], before["failed"] + 1)
		self.assertGreater(after["average_wait"], 0)

	def test_queue_info_over_http(self) -> None:
		reader, nobody = (
			make_user("jm-reader@example.com", "Job Monitor User"),
			make_user("jm-nobody@example.com", "Desk User"),
		)
		for path in ("frappe.utils.background_jobs", "job_monitor.api.queues"):
			code, answer = request(f"/api/method/{path}.get_queue_info", reader)
			self.assertEqual((code, "queues" in answer["message"]), (200, True))
			self.assertEqual(request(f"/api/method/{path}.get_queue_info", nobody)[0], 403)
			self.assertIn(request(f"/api/method/{path}.get_queue_info")[0], (401, 403))

	def test_queue_info_counts_workers_by_state(self) -> None:
		from job_monitor.bridge.rq.queues import get_queue_info

		with worker("short"):
			states = self.wait_for(
				lambda: get_queue_info()["queues"]["short"]["workers"].get("idle"), "a worker idles"
			)
		self.assertGreaterEqual(states, 1)

	def test_job_status_check(self) -> None:
		# --- from the reference, with a method that exists
		job = frappe.enqueue('job_monitor.tests.support.jobs.succeed')  # fmt: skip
		status = job.get_status()  # 'queued', 'started', 'finished', 'failed'
		# ---
		self.job_ids.append(job.id)
		self.assertEqual(status, "queued")
		work_off("default")
		self.assertEqual(job.get_status(refresh=True), "finished")
		user = make_user("jm-reader@example.com", "Job Monitor User")
		code, answer = request("/api/method/job_monitor.api.jobs.get_job_status", user, job_id=job.id)
		self.assertEqual((code, answer["message"]["status"]), (200, "finished"))

	def test_the_user_whose_job_it_is_may_ask_for_its_status(self) -> None:
		owner, other = (make_user(f"jm-{name}@example.com", "Desk User") for name in ("owner", "other"))
		frappe.set_user(owner)
		job_id = self.enqueue()
		path = "/api/method/job_monitor.api.jobs.get_job_status"
		self.assertEqual(request(path, owner, job_id=job_id)[0], 200)
		self.assertEqual(request(path, other, job_id=job_id)[0], 403)
		self.assertEqual(request(path, owner, job_id="nonexistent")[0], 404)

	def test_pending_jobs_count(self) -> None:
		from frappe.utils.background_jobs import get_jobs as before

		waiting = len(before(site=frappe.local.site, queue="default", status="queued"))
		ours = [self.enqueue(queue="default") for _n in range(3)]
		mysite = frappe.local.site
		# --- from the reference, with this site's name
		from frappe.utils.background_jobs import get_jobs

		jobs = get_jobs(site=mysite, queue='default', status='queued')  # fmt: skip
		pending_count = len(jobs)
		# ---
		self.assertEqual(pending_count, waiting + 3)
		self.assertEqual([job.name for job in jobs][:3], ours[::-1])
		self.assertEqual(jobs[0].method, "job_monitor.tests.support.jobs.succeed")
		self.assertEqual(len(get_jobs(site="another.example.com", queue="default", status="queued")), 0)
		with self.assertRaises(frappe.ValidationError):
			get_jobs(queue="no-such-queue", status="queued")

	def test_cores_callers_of_get_jobs_see_no_change(self) -> None:
		self.enqueue(queue="long")
		from frappe.utils.background_jobs import get_jobs

		found = get_jobs(site=frappe.local.site, queue="long", key="method")
		self.assertIn("job_monitor.tests.support.jobs.succeed", found[frappe.local.site])

	def test_get_jobs_over_http_is_of_this_site_only(self) -> None:
		user, ours = make_user("jm-reader@example.com", "Job Monitor User"), self.enqueue()
		path = "/api/method/job_monitor.api.jobs.get_jobs"
		code, answer = request(path, user, site=frappe.local.site, queue="short", status="queued")
		self.assertEqual((code, answer["message"][0]["name"]), (200, ours))
		self.assertEqual(request(path, user, site="another.example.com")[0], 403)

	def test_names_are_there_in_jobs_and_in_bench_execute(self) -> None:
		done = bench("--site", frappe.local.site, "execute", "frappe.utils.background_jobs.get_queue_info")
		self.assertEqual(done.returncode, 0, done.stderr[-500:])
		self.assertIn('"queues"', done.stdout)
		job = frappe.enqueue("frappe.utils.background_jobs.get_queue_info", queue="short")
		self.job_ids.append(job.id)
		work_off("short")
		self.assertEqual(job.get_status(refresh=True), "finished")


class TestDoctor(SiteTestCase):
	def test_its_form_and_exit_code(self) -> None:
		self.enqueue(queue="long")
		done = bench("--site", frappe.local.site, "doctor")
		lines = done.stdout.splitlines()
		self.assertEqual(lines[0], f"Scheduler Status for {frappe.local.site}", done.stderr[-500:])
		self.assertRegex(lines[1], r"^   Scheduler is: (enabled|disabled|paused|maintenance)$")
		self.assertRegex(lines[2], r"^   Workers are: (running|not running)$")
		self.assertRegex(lines[3], r"^   Pending tasks: [1-9]\d*$")
		self.assertEqual(done.returncode, 1, "a queue that nobody serves is a finding")
		self.assertIn("No worker serves this queue", done.stdout)

	def test_all_sites_and_json(self) -> None:
		done = bench("--site", "all", "doctor", "--json")
		report = json.loads(done.stdout)
		self.assertGreaterEqual(len(report["sites"]), 1)
		self.assertEqual(report["healthy"], done.returncode == 0)
		self.assertEqual(
			json.loads(bench("doctor", "--site", frappe.local.site, "--json").stdout)["sites"][0]["site"],
			frappe.local.site,
		)

	def test_bare_doctor_examines_all_sites_whatever_the_default(self) -> None:
		common = Path(get_bench_path(), "sites", "common_site_config.json")
		before = common.read_text()
		self.addCleanup(common.write_text, before)
		findings = sorted(frappe.utils.get_sites())
		for default in (None, frappe.local.site):
			config = {k: v for k, v in json.loads(before).items() if k != "default_site"}
			common.write_text(json.dumps({**config, **({"default_site": default} if default else {})}))
			report = json.loads(bench("doctor", "--json").stdout)
			self.assertEqual([site["site"] for site in report["sites"]], findings, default)
			text = bench("doctor").stdout
			for site in findings:
				self.assertIn(f"Scheduler Status for {site}\n", text, default)

	def test_legacy_output(self) -> None:
		self.assertIn(
			"Checking scheduler status", bench("--site", frappe.local.site, "doctor", "--legacy").stdout
		)

	def test_a_broken_site_hides_no_other(self) -> None:
		site = frappe.local.site
		try:
			report = doctor.examine(["no-such-site.localhost", site])
		finally:
			frappe.init(site=site)
			frappe.connect()
		self.assertTrue(report.sites[0].problem)
		self.assertEqual((report.sites[1].problem, report.exit_code), ("", 2))

	def test_redis_that_is_down_is_reported(self) -> None:
		site = frappe.local.site
		with patch("job_monitor.bridge.context._bench") as broken:
			from job_monitor.core.rq.connection import Bench

			broken.return_value = Bench(None, "x", (), {"redis_queue": "redis://127.0.0.1:1"})
			try:
				report = doctor.examine([site])
			finally:
				frappe.init(site=site)
				frappe.connect()
		self.assertIn("cannot be reached", report.problem)
		self.assertEqual((report.exit_code, report.workers, report.sites[0].pending), (2, "", None))

	def test_a_failing_schedule_is_found_until_it_succeeds(self) -> None:
		schedule = self.make_schedule("fail")
		schedule.execute()
		codes = {
			finding.subject: finding.code
			for finding in doctor.site_findings(frappe.local.site, has_redis=True)
		}
		self.assertEqual(codes.get(schedule.name), "failing-schedule")
		with patch("job_monitor.tests.support.jobs.fail"):
			schedule.execute()
		found = doctor.site_findings(frappe.local.site, has_redis=True)
		self.assertNotIn(schedule.name, {finding.subject for finding in found})
