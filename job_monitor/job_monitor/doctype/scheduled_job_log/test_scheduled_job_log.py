"""Scheduled Job Log on a site: every run is recorded, and no error of ours stops a run."""

from __future__ import annotations

import time
from itertools import product
from typing import Any, ClassVar
from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, now_datetime
from frappe.utils.background_jobs import create_job_id

from job_monitor.bridge import context
from job_monitor.bridge.database import side_writes
from job_monitor.bridge.schedules import schedule_health
from job_monitor.core.acts import actions
from job_monitor.recorder import scheduled_runs
from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.processes import kill_tree
from job_monitor.tests.support.recorder_test_case import Mute
from job_monitor.tests.support.site_test_case import SiteTestCase, locked_row
from job_monitor.tests.support.workers import kill_horse, worker

LOG = "Scheduled Job Log"


class TestScheduledRuns(SiteTestCase):
	types: ClassVar[list[str]] = []

	def schedule(self, method: str, **fields: Any) -> Any:
		doc = self.make_schedule(method, "All", **{"create_log": 1, **fields})
		self.job_ids.append(create_job_id(doc.rq_job_id))
		return doc

	def runs(self, schedule: Any) -> list[Any]:
		return frappe.get_all(LOG, {"scheduled_job_type": schedule.name}, ["*"], order_by="creation")

	def test_a_run_in_a_worker(self) -> None:
		fine, broken = self.schedule("succeed"), self.schedule("fail")
		with worker("default") as process:
			for schedule in (fine, broken):
				schedule.enqueue(force=True)
			self.wait_for(lambda: frappe.db.rollback() or self.ended(broken), "the runs end")
			rows = [*self.runs(fine), *self.runs(broken)]
			self.assertIsNone(process.poll())
		self.assertEqual([row.status for row in rows], ["Complete", "Failed"])
		for row, schedule in zip(rows, (fine, broken), strict=True):
			self.assertEqual((row.method, row.queue), (schedule.method, "default"))
			self.assertIn("scheduled_job", row.rq_job_id)
			self.assertTrue(row.worker)
			self.assertGreaterEqual(row.ended_at, row.started_at)
			self.assertGreaterEqual(row.duration, 0)
		self.assertFalse(rows[0].error)
		self.assertTrue(rows[1].error.startswith("ValueError: no such invoice"))
		self.assertNotIn("hunter2", rows[1].error)
		self.assertIn("Traceback", rows[1].details)

	def ended(self, schedule: Any) -> bool:
		return any(row.ended_at for row in self.runs(schedule))

	def test_without_log_failures_leave_a_row_all_the_same(self) -> None:
		broken, fine = self.schedule("fail", create_log=0), self.schedule("succeed", create_log=0)
		broken.execute()
		fine.execute()
		self.assertEqual([row.status for row in self.runs(broken)], ["Failed"])
		row = self.runs(broken)[0]
		self.assertEqual(row.method, "job_monitor.tests.support.jobs.fail")
		self.assertIn("no such invoice", row.error)
		self.assertIn("Traceback", row.details)
		self.assertTrue(row.started_at and row.ended_at)
		self.assertEqual(self.runs(fine), [])
		frappe.db.set_single_value("Job Monitor Settings", "log_every_run", 1)
		try:
			fine.execute()
		finally:
			frappe.db.set_single_value("Job Monitor Settings", "log_every_run", 0)
			frappe.db.commit()
		self.assertEqual([row.status for row in self.runs(fine)], ["Complete"])

	def test_a_bug_of_ours_stops_nothing(self) -> None:
		bug = RuntimeError("a bug of the job monitor")
		places = [
			(scheduled_runs, "_start_values"),
			(scheduled_runs, "_end_values"),
			(scheduled_runs, "_in_own_transaction"),
		]
		places += [(side_writes, "update"), (side_writes, "insert"), (side_writes, "_bounded")]
		for (module, name), create_log in product(places, (0, 1)):
			with self.subTest(name, create_log=create_log):
				fine, broken = (
					self.schedule("succeed", create_log=create_log),
					self.schedule("fail", create_log=create_log),
				)
				with (
					patch.object(module, name, side_effect=bug),
					patch("job_monitor.tests.support.jobs.succeed") as ran,
				):
					fine.execute()
					broken.execute()
				self.assertEqual(ran.call_count, 1, f"{name} raised, and the job did not run")
				if create_log:
					self.assertEqual(self.runs(fine)[-1].status, "Complete")
					self.assertEqual(self.runs(broken)[-1].status, "Failed")
				self.assertTrue(frappe.db.get_value("Scheduled Job Type", fine.name, "last_execution"))

	def test_an_error_without_a_text_is_named_by_its_type(self) -> None:
		try:
			raise Mute
		except Mute:
			values = scheduled_runs._end_values(None, failed=True)
		self.assertTrue(values["error"].startswith("Mute: "), values)

	def test_values_that_the_table_refuses_stop_nothing(self) -> None:
		"""On PostgreSQL such an error ends the transaction: what Frappe writes is not in it."""
		fine, broken = self.schedule("succeed"), self.schedule("fail")
		for name in ("_start_values", "_end_values"):
			with patch.object(scheduled_runs, name, return_value={"ended_at": "no date at all"}):
				fine.execute()
				broken.execute()
		self.assertEqual([row.status for row in self.runs(fine)], ["Complete"] * 2)
		self.assertEqual([row.status for row in self.runs(broken)], ["Failed"] * 2)

	def test_a_row_that_is_locked_costs_half_a_second(self) -> None:
		if frappe.db.db_type == "sqlite":
			self.skipTest("SQLite locks no rows")
		schedule = self.schedule("succeed")
		schedule.execute()
		(row,) = self.runs(schedule)
		with locked_row(LOG, row.name):
			began = time.monotonic()
			with self.assertRaisesRegex(Exception, "max_statement_time|statement timeout"):
				side_writes.update(LOG, row.name, {"error": "x"})
			self.assertLess(time.monotonic() - began, 1.5)
		frappe.db.rollback()

	def test_a_killed_run_is_closed(self) -> None:
		schedule = self.schedule("hang")
		with worker("default") as process:
			schedule.enqueue(force=True)
			self.wait_for(lambda: frappe.db.rollback() or self.going_on(schedule), "the run begins")
			row = self.runs(schedule)[0]
			self.assertEqual(row.status, "Running")
			self.sweep()
			self.assertEqual(self.runs(schedule)[0].status, "Running", "a run that goes on is left alone")
			kill_horse(process.pid)
			self.wait_for(lambda: status(row.rq_job_id) == "failed", "the worker noticed")
		self.assertGreaterEqual(self.sweep(), 1)
		row = self.runs(schedule)[0]
		self.assertEqual(row.status, "Killed")
		self.assertIn("Work-horse terminated unexpectedly", row.error)
		self.assertTrue(row.ended_at)

	def test_a_run_whose_worker_was_killed_is_closed(self) -> None:
		schedule = self.schedule("hang")
		with worker("default") as process:
			schedule.enqueue(force=True)
			self.wait_for(lambda: frappe.db.rollback() or self.going_on(schedule), "the run begins")
			kill_tree(process.pid)
			process.wait()
		self.sweep()
		self.assertEqual(self.runs(schedule)[0].status, "Killed")

	def test_a_run_that_a_user_stopped_was_not_killed(self) -> None:
		for removed in (False, True):
			with self.subTest(removed=removed):
				self.check_stopped(self.schedule("hang"), removed)

	def going_on(self, schedule: Any) -> list[str]:
		return [row.rq_job_id for row in self.runs(schedule) if row.status == "Running" and row.rq_job_id]

	def check_stopped(self, schedule: Any, removed: bool) -> None:
		with worker("default"):
			schedule.enqueue(force=True)
			# Frappe makes the row before the recorder writes beside it
			self.wait_for(lambda: frappe.db.rollback() or self.going_on(schedule), "the run begins")
			(job_id,) = self.going_on(schedule)
			self.assertTrue(actions.stop(context.client(), job_id).done)
			self.wait_for(lambda: status(job_id) == "stopped", "the worker ended it")
			if removed:
				self.assertTrue(actions.remove(context.client(), job_id).done)
		self.sweep()
		row = self.runs(schedule)[0]
		self.assertEqual((row.status, row.error), ("Stopped", "Somebody stopped this run."))
		self.assertGreaterEqual(row.ended_at, row.started_at)
		self.assertLess(row.duration, 60)
		(health,) = schedule_health.read([schedule.name])
		self.assertEqual((health.last_outcome, health.failures), ("Stopped", 0))

	def test_a_row_that_frappe_left_at_start_is_closed(self) -> None:
		schedule = self.schedule("succeed")
		old = frappe.get_doc({"doctype": LOG, "scheduled_job_type": schedule.name}).insert()
		frappe.db.set_value(LOG, old.name, {"status": "Start", "started_at": None, "rq_job_id": None})
		self.sweep()
		self.assertEqual(frappe.db.get_value(LOG, old.name, "status"), "Killed")

	def test_clearing_takes_the_old_rows_only(self) -> None:
		schedule = self.schedule("succeed")
		schedule.execute()
		schedule.execute()
		self.age(self.runs(schedule)[0].name)
		frappe.get_doc(LOG, self.runs(schedule)[0].name).clear_old_logs(days=390)
		self.assertEqual(len(self.runs(schedule)), 1)

	def test_the_usual_queries_use_an_index(self) -> None:
		if frappe.db.db_type != "mariadb":
			self.skipTest("EXPLAIN of MariaDB")
		hour_ago = add_to_date(now_datetime(), hours=-1)
		for where, index in (
			("status = 'Failed' and creation > %s", "job_monitor_status_creation"),
			("scheduled_job_type = 'x' and creation > %s", "job_monitor_type_creation"),
		):
			plan = frappe.db.sql(
				f"explain select name from `tabScheduled Job Log` force index ({index}) where {where}",
				hour_ago,
				as_dict=True,
			)
			self.assertEqual((plan[0].key, plan[0].type), (index, "range"))

	def sweep(self) -> int:
		with patch.object(scheduled_runs, "SWEEP_AGE_SECONDS", -1):
			return scheduled_runs.close_killed_runs()

	def age(self, name: str) -> None:
		moment = add_to_date(now_datetime(), days=-400)
		values: dict[str, Any] = {"creation": moment, "modified": moment}
		frappe.db.set_value(LOG, name, values, update_modified=False)
		frappe.db.commit()
