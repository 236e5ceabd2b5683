"""Tests on a site leave it as it was: also when they are killed, and beside the bench's own workers."""

from __future__ import annotations

import json
from pathlib import Path

import frappe
from frappe.model.utils.user_settings import sync_user_settings, update_user_settings
from frappe.utils import get_bench_path
from frappe.utils.background_jobs import get_redis_conn
from frappe.utils.global_search import sync_global_search

from job_monitor.tests.support.site_rows import SiteRows
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user
from job_monitor.tests.support.workers import work_off

SETTINGS, RULE = "Job Monitor Settings", "Job Alert Rule"


class TestIsolation(SiteTestCase):
	def rows(self) -> list[object]:
		frappe.db.rollback()
		return [
			frappe.get_all(RULE, fields=["*"], order_by="name"),
			frappe.get_all("Scheduled Job Type", fields=["*"], order_by="name"),
			frappe.get_all("User", pluck="name", order_by="name"),
			frappe.get_all("DefaultValue", fields=["*"], order_by="name"),
			frappe.defaults.get_defaults_for("Administrator"),
			frappe.db.sql(
				"select field, value from `tabSingles` where doctype = %s order by field", SETTINGS
			),
			frappe.db.sql("select name, fieldname from `__Auth` where doctype = 'User' order by 1, 2"),
		]

	def spoil(self) -> None:
		frappe.db.set_value(RULE, {"name": ["!=", ""]}, "threshold", 12345)
		frappe.db.delete(RULE, {"name": frappe.get_all(RULE, pluck="name")[0]})
		frappe.db.set_value("Scheduled Job Type", {"name": ["!=", ""]}, "stopped", 1)
		frappe.db.set_single_value(SETTINGS, "alert_recipients", "spoilt@ops.example")
		# Frappe deletes the row and makes another
		frappe.defaults.set_default("time_zone", "Europe/Rome", "Administrator")
		make_user("jm-spoilt@ops.example", "System Manager")
		frappe.db.commit()

	def test_what_tests_add_change_and_delete_is_put_back(self) -> None:
		before, kept = self.rows(), SiteRows()
		self.spoil()
		self.assertNotEqual(self.rows(), before)
		kept.put_back()
		self.assertEqual(self.rows(), before)
		self.assertFalse(SiteRows._file().exists())

	def test_lists_that_a_deleted_person_looked_at_are_forgotten(self) -> None:
		kept, person = SiteRows(), make_user("jm-spoilt@ops.example", "System Manager")
		frappe.set_user(person)
		update_user_settings("User", {"last_view": "List"})
		sync_user_settings()
		frappe.set_user("Administrator")
		frappe.delete_doc("User", person, force=True, ignore_permissions=True)
		kept.put_back()
		sync_user_settings()
		self.assertFalse(frappe.db.sql("select data from `__UserSettings` where `user` = %s", person))

	def test_people_whom_tests_made_are_not_found_by_frappes_search(self) -> None:
		if frappe.db.db_type == "sqlite":
			self.skipTest("Frappe's own sync_global_search has no statement for SQLite")
		kept = SiteRows()
		make_user("jm-searched@ops.example")
		sync_global_search()
		make_user("jm-searched@ops.example")  # waits in the cache to be found
		kept.put_back()
		sync_global_search()
		self.assertFalse(
			frappe.db.sql("select name from `__global_search` where name like %s", "%jm-searched%")
		)

	def test_the_next_run_puts_back_what_a_killed_one_left(self) -> None:
		before = self.rows()
		SiteRows()
		self.spoil()
		SiteRows.put_back_of_killed_run()
		self.assertEqual(self.rows(), before)

	def test_workers_of_the_bench_see_no_job_of_a_test(self) -> None:
		config = json.loads(Path(get_bench_path(), "sites", "common_site_config.json").read_text())
		self.assertNotEqual(frappe.local.conf.redis_queue, config["redis_queue"])
		self.enqueue(queue="short")
		self.assertEqual(get_redis_conn().llen(f"rq:queue:{frappe.utils.get_bench_id()}:short"), 1)
		work_off("short")
		self.assertEqual(get_redis_conn().llen(f"rq:queue:{frappe.utils.get_bench_id()}:short"), 0)
