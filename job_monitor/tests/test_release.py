"""A site between new code and migrate."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import frappe

from job_monitor import tasks
from job_monitor.alerts import engine
from job_monitor.bridge import doctor
from job_monitor.bridge.site import release
from job_monitor.commands import alert_watch
from job_monitor.tests.support.recorder_test_case import RecorderTestCase
from job_monitor.tests.support.workers import work_off


class TestUnmigratedSite(RecorderTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.patches = {"patch": ["like", "job_monitor.%"]}
		self.rows = frappe.get_all("Patch Log", self.patches, ["*"])
		frappe.db.delete("Patch Log", self.patches)
		frappe.db.commit()
		self.addCleanup(self.migrate)

	def migrate(self) -> None:
		"""What migrate notes of the patches."""
		frappe.db.rollback()
		frappe.db.delete("Patch Log", self.patches)
		for row in self.rows:
			frappe.get_doc({"doctype": "Patch Log", **row}).db_insert()
		frappe.db.commit()

	def test_it_leaves_the_tables_alone_until_it_is_migrated_and_loses_no_run(self) -> None:
		self.enqueue()
		work_off("short")
		before = engine.last()
		tasks.sweep()
		tasks.check_error_rate()
		self.assertEqual((engine.last(), self.log.waiting()), (before, 1))
		self.migrate()
		tasks.sweep()
		self.assertEqual(self.log.waiting(), 0)

	def test_hooks_that_an_older_release_left_in_the_cache_record_runs(self) -> None:
		older = {"before_job": "job_monitor.around_jobs.before", "after_job": "job_monitor.around_jobs.after"}
		hooks = frappe.get_hooks()
		for event, path in older.items():
			others = [method for method in hooks[event] if not method.startswith("job_monitor.")]
			hooks = frappe._dict(hooks, **{event: [*others, path]})
		frappe.cache.set_value("app_hooks", hooks)
		self.addCleanup(frappe.clear_cache)
		self.enqueue()
		work_off("short")
		self.assertEqual(self.log.waiting(), 1)

	def test_an_unmigrated_site_is_reported(self) -> None:
		(finding,) = [
			f for f in doctor.site_findings(frappe.local.site, has_redis=True) if f.code == "unmigrated-site"
		]
		self.assertIn(f"bench --site {frappe.local.site} migrate", finding.hint)
		with ThreadPoolExecutor(1) as thread:  # `frappe.local` of its own
			look = thread.submit(alert_watch._look, frappe.local.site, "check", False).result()
		self.assertIn(release.NOT_MIGRATED, look.problem)
		self.assertEqual(look.exit_code, alert_watch.UNKNOWN)
