"""Ingest and roll-up: each run is counted exactly once, with faults of runs, Redis, database and processes."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import frappe
from frappe.core.doctype.scheduled_job_type.scheduled_job_type import run_scheduled_job
from frappe.utils import add_to_date, get_bench_path, now_datetime
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from job_monitor import tasks
from job_monitor.alerts import engine
from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.recorder_progress import STATE, Progress
from job_monitor.bridge.site import live_site, state
from job_monitor.core import clock
from job_monitor.recorder import failures, ingest
from job_monitor.tests.support.recorder_test_case import FAILURE, RecorderTestCase

TYPE, SWEEP = "Scheduled Job Type", "job_monitor.tasks.sweep"

IMPORTS = """
import json, sys
site, schedule = sys.argv[1], json.loads(sys.argv[2])
sys.argv = ["bench", "frappe", "--site", site, "worker", "--queue", "short"]
import frappe.commands.scheduler, frappe.utils.background_jobs
frappes = set(sys.modules)
import job_monitor.commands
kept = sorted({"frappe.model.document", "requests", "PIL"} & set(sys.modules) - frappes)
from frappe.utils.background_jobs import execute_job
from job_monitor import tasks
from job_monitor.bridge.site import state

def imported(method, **arguments):
	before = set(sys.modules)
	known = {"site": site, "event": None, "job_name": "x", "user": "Administrator"}
	execute_job(method=method, kwargs=arguments, **known)
	return sorted(set(sys.modules) - before)

def looked(by):
	with frappe.init_site(site):
		frappe.connect()
		look = {"at": tasks.clock.now().isoformat(), "by": by}
		state.put("alerts", json.dumps(look))
		frappe.db.commit()

imported("job_monitor.tests.support.jobs.succeed")
looked("watch")
watched = imported("job_monitor.tasks.sweep")
sweep, tasks.sweep = tasks.sweep, lambda: None
frappes_own = "frappe.core.doctype.scheduled_job_type.scheduled_job_type.run_scheduled_job"
imported(frappes_own, **schedule)
tasks.sweep = sweep
looked("scheduler")
print(json.dumps([kept, watched, imported(frappes_own, **schedule)]))
"""
"""What of large modules a worker of this bench has imported when it forks; then what a sweep imports that a job which does
nothing does not: while `watch` runs, and as the schedule that it is."""


class TestRollup(RecorderTestCase):
	def test_two_processes_write_each_run_once(self) -> None:
		self.add_runs(3000)
		command = [sys.executable, "-m", "frappe.utils.bench_helper", "frappe", "--site", frappe.local.site]
		both = [
			subprocess.Popen(
				[*command, "execute", "job_monitor.recorder.ingest.ingest"],
				cwd=os.path.join(get_bench_path(), "sites"),
				stdout=subprocess.DEVNULL,
			)
			for _n in range(2)
		]
		self.assertEqual([process.wait() for process in both], [0, 0])
		frappe.db.rollback()
		self.assertEqual(self.counted(), {("succeed", "success"): 2000, ("fail", "failed"): 1000})
		self.assertEqual(frappe.db.count(FAILURE), 1000)

	def test_a_process_that_dies_half_way_writes_nothing_twice(self) -> None:
		self.add_runs(30)
		for place in ("job_monitor.recorder.failures.add", "job_monitor.core.history.runs.RunLog.forget"):
			with patch(place, side_effect=SystemExit), self.assertRaises(SystemExit):
				ingest.ingest()
			frappe.db.rollback()
		self.assertEqual(self.counted(), {("succeed", "success"): 20, ("fail", "failed"): 10})
		self.assertEqual(frappe.db.count(FAILURE), 10)
		ingest.ingest()
		self.assertEqual(self.log.waiting(), 0)

	def test_only_the_run_that_cannot_be_written_is_left_out(self) -> None:
		for fault in (ValueError("odd"), SystemExit()):  # an error, and the end of the process
			with self.subTest(type(fault).__name__):
				self.clear()
				lost = Progress.read().lost
				self.add_runs(30)
				self.add_failure("poison")
				self.add_runs(30)
				with patch.object(failures, "_row", self.poisoned(fault)):
					for _process in range(30):
						try:
							ingest.ingest()
						except SystemExit:
							frappe.db.rollback()
				self.assertEqual(self.log.waiting(), 0)
				self.assertEqual(self.counted(), {("succeed", "success"): 40, ("fail", "failed"): 20})
				self.assertEqual(frappe.db.count(FAILURE), 20)
				self.assertEqual(Progress.read().lost, lost + 1)

	def poisoned(self, fault: BaseException) -> Any:
		own = failures._row

		def row(failed: Any) -> Any:
			if failed.failure.message == "poison":
				raise fault
			return own(failed)

		return row

	def test_a_time_limit_ends_the_writing(self) -> None:
		"""It is RQ's, and no fault of the batch that it rings in."""
		self.add_runs(30)

		def asleep(_failed: Any) -> Any:
			time.sleep(30)

		started = time.monotonic()
		with (
			patch.object(failures, "_row", asleep),
			self.assertRaises(JobTimeoutException),
			UnixSignalDeathPenalty(1, JobTimeoutException),
		):
			ingest.ingest()
		self.assertLess(time.monotonic() - started, 10)
		frappe.db.rollback()
		self.assertEqual(self.counted(), {("succeed", "success"): 20, ("fail", "failed"): 10})

	def test_a_database_that_takes_nothing_costs_no_run(self) -> None:
		self.add_runs(30)
		for _n in range(30):
			with patch.object(state, "put", side_effect=ValueError("full")), self.assertRaises(ValueError):
				ingest.ingest()
			frappe.db.rollback()
		self.assertEqual(self.counted(), {("succeed", "success"): 20, ("fail", "failed"): 10})

	def test_a_clock_of_redis_that_was_ahead_costs_no_run(self) -> None:
		"""Positions are moments of its clock; a day later Redis is begun anew, with the right time."""
		self.add_runs(3)
		self.counted()
		progress = json.loads(state.get(STATE) or "{}")
		progress["after"] = f"{int((time.time() + 86_400) * 1000)}-0"
		state.put(STATE, json.dumps(progress))
		frappe.db.commit()
		self.log.connection.delete(self.log.ended_key)
		self.add_runs(30)
		for _n in range(2):
			ingest.ingest()
		self.assertEqual(self.counted(), {("succeed", "success"): 22, ("fail", "failed"): 11})

	def test_lost_runs_are_reported(self) -> None:
		lost = Progress.read().lost
		self.log.drop(7)
		ingest.ingest()
		ingest.ingest()
		self.assertEqual(Progress.read().lost, lost + 7)
		self.assertGreater(Progress.read().lost_at, 0)

	def test_an_ingest_that_fails_or_runs_out_of_time_does_not_stop_the_alerts(self) -> None:
		for fault in (ValueError("odd"), JobTimeoutException("too long")):
			with (
				patch.object(ingest, "ingest", side_effect=fault),
				patch.object(engine, "evaluate") as look,
			):
				with self.assertRaises(type(fault)):
					tasks.sweep()
			self.assertEqual(look.call_count, 1)

	def test_rules_are_evaluated_after_the_connection_has_died(self) -> None:
		def cut() -> None:
			frappe.db._conn.close()
			raise JobTimeoutException("in the middle of a statement")

		with patch.object(ingest, "ingest", cut), patch.object(engine, "evaluate") as look:
			look.side_effect = lambda *_a, **_k: frappe.db.sql("select 1")
			with self.assertRaises(JobTimeoutException):
				tasks.sweep()
		self.assertEqual(look.call_count, 1)

	def test_minutes_become_hours_and_days(self) -> None:
		self.add_runs(30)
		self.counted()
		before = state.get(STATE)
		self.addCleanup(self.put_back, before)
		later = clock.now() + timedelta(days=1, hours=2)
		with patch.object(clock, "now", lambda: later):
			ingest.ingest()
		for scale in (job_metric.MINUTE, job_metric.HOUR, job_metric.DAY):
			rows = job_metric.read(scale, later - timedelta(days=3), later)
			self.assertEqual(sum(row.methods.total().total for _bucket, row in rows), 30, scale)

	def put_back(self, kept: Any) -> None:
		state.put(STATE, kept)
		frappe.db.commit()

	# The run a minute

	def test_a_sweep_of_a_quiet_site_imports_nothing(self) -> None:
		"""Each work-horse would import it anew: on Frappe 15 that was a quarter of a second, each minute, for each site."""
		for doctype in ("Job Alert", "Job Alert Flip"):
			frappe.db.delete(doctype)
		# Put back after the class
		frappe.db.delete("Error Log", {"creation": (">", add_to_date(None, hours=-2))})
		frappe.db.sql("update `tabScheduled Job Type` set last_execution = %s", now_datetime())
		frappe.db.set_single_value("System Settings", "enable_scheduler", 1)
		frappe.get_doc(
			{"doctype": "Activity Log", "subject": "a login: Frappe 15 has dormant sites"}
		).insert()
		self.addCleanup(self.put_back, state.get(STATE))
		for key in (live_site.STATE, STATE):  # the place is confirmed, and no run was lost
			state.put(key, "")
		frappe.db.commit()
		names = {"job_type": SWEEP, "scheduled_job_type": frappe.db.get_value(TYPE, {"method": SWEEP})}
		known = inspect.signature(run_scheduled_job).parameters
		schedule = json.dumps({name: value for name, value in names.items() if name in known})
		command = [sys.executable, "-c", IMPORTS, frappe.local.site, schedule]
		folder = os.path.join(get_bench_path(), "sites")
		found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
		frappe.db.rollback()
		self.assertEqual(frappe.get_all("Job Alert", pluck="title"), [])
		self.assertGreater(engine.last()["rules"], 10, "it has looked")
		kept, watched, quiet = json.loads(found.splitlines()[-1])
		self.assertEqual(kept, [], "lies in the memory of every worker")
		self.assertEqual((watched, quiet), ([], []))

	def test_the_sweep_leaves_ingest_and_rules_to_watch_where_it_runs(self) -> None:
		for by, seconds, looks in (
			("watch", 30, 0),
			("watch", 600, 1),
			("watch", -30, 1),
			("scheduler", 30, 1),
		):
			last = {"by": by, "at": clock.now() - timedelta(seconds=seconds)}
			with (
				patch.object(engine, "last", return_value=last),
				patch.object(engine, "evaluate") as look,
				patch.object(ingest, "ingest") as write,
			):
				tasks.sweep()
			self.assertEqual((look.call_count, write.call_count), (looks, looks), (by, seconds))
