"""The recorder on a site, with real workers: each run is counted once, and no error of the recorder reaches a job."""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import frappe
from frappe.utils import now_datetime
from frappe.utils.background_jobs import RQ_FAILED_JOBS_LIMIT, generate_qname, get_redis_conn
from rq.command import send_stop_job_command
from rq.job import Job

from job_monitor.bridge import context
from job_monitor.bridge.history import failure_groups
from job_monitor.core import clock
from job_monitor.core.acts import actions
from job_monitor.core.rq import keys
from job_monitor.core.rq.breaker import Breaker
from job_monitor.core.rq.connection import connect_url
from job_monitor.core.rq.hook_client import HookClient
from job_monitor.recorder import ingest, recording
from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.processes import kill_tree
from job_monitor.tests.support.recorder_test_case import RecorderTestCase
from job_monitor.tests.support.users import make_user
from job_monitor.tests.support.workers import kill_horse, work_off, worker

FAILURE, GROUP = "Job Failure", "Job Failure Group"
HERE = "job_monitor.tests.test_recorder"
TESTING = "job_monitor.tests.support.jobs"

_tries = 0


# Jobs


def die(**kwargs: Any) -> None:
	os.kill(os.getpid(), 9)


def again(times: int = 1, fails: bool = False, deadlock: bool = False) -> str:
	"""Frappe calls a job anew in the same process."""
	global _tries
	_tries += 1
	if _tries <= times:
		if deadlock and frappe.db.db_type == "mariadb":
			raise frappe.db.InternalError(1213, "Deadlock found")
		raise frappe.RetryBackgroundJobError
	if fails:
		raise ValueError("after all")
	return "done"


def sabotage(fault: str, fails: bool = False) -> str:
	"""Break the recorder from within its job."""
	current = recording._current
	assert current is not None
	if fault == "redis":
		recording._client = HookClient(connect_url("redis://127.0.0.1:1"))
		recording.breaker = (
			Breaker()
		)  # that of the worker spares the jobs after this one, see `tests.test_faults`
	elif fault == "bug":
		current.log = None  # type: ignore[assignment]
	elif fault == "disk":
		current.log = None  # type: ignore[assignment]
		frappe.logger = _no_space_for_ours
	if fails:
		raise ValueError("the job's own")
	return "done"


_logger = frappe.logger


def _no_space_for_ours(module: str = "", *args: Any, **kwargs: Any) -> Any:
	if module == "job_monitor":
		raise OSError(28, "No space left on device")
	return _logger(module, *args, **kwargs)


class TestRecorder(RecorderTestCase):
	def call(self, method: str, **kwargs: Any) -> str:
		job = frappe.enqueue(f"{HERE}.{method}", queue="short", **kwargs)
		self.job_ids.append(job.id)
		return job.id

	def failures(self) -> list[Any]:
		return frappe.get_all(FAILURE, fields=["*"], order_by="failed_at")

	# Counts

	def test_each_run_is_counted_once(self) -> None:
		for _n in range(3):
			self.enqueue("succeed")
			self.enqueue("fail")
		self.enqueue("hang", timeout=1)
		self.enqueue("gone")
		self.call("die")
		work_off("short")
		expected = {
			("succeed", "success"): 3,
			("fail", "failed"): 3,
			("hang", "timeout"): 1,
			("gone", "failed"): 1,
			("die", "killed"): 1,
		}
		for _again in range(3):
			self.assertEqual(dict(self.counted()), expected)
		outcomes = Counter((row.outcome, row.exception) for row in self.failures())
		self.assertEqual(outcomes["failed", "ValueError"], 3)
		self.assertEqual(outcomes["timeout", "JobTimeoutException"], 1)
		self.assertEqual(sum(outcomes.values()), 6)

	def test_a_killed_run_that_frappes_limit_of_failed_jobs_dropped_is_not_lost(self) -> None:
		"""Why a hook notes the beginning: nothing else on Redis tells of this run when the sweep comes."""
		registry = keys.place_key(keys.FAILED, generate_qname("short"))
		older = {f"older{number}": time.time() + 3600 for number in range(RQ_FAILED_JOBS_LIMIT - 1)}
		get_redis_conn().zadd(registry, older)
		killed = self.call("die")
		self.enqueue("fail")
		work_off("short")
		self.assertFalse(
			status(killed), "Frappe dropped the newest failures, and RQ knows no more of the job"
		)
		self.assertEqual(self.counted(), {("fail", "failed"): 1, ("die", "killed"): 1})

	def test_a_job_that_frappe_retries_after_a_deadlock_is_one_run(self) -> None:
		self.call("again")
		self.call("again", deadlock=True)
		self.call("again", fails=True)
		work_off("short")
		for _again in range(2):  # RQ has all three as failed: Frappe trips over its own retry
			self.assertEqual(self.counted(), {("again", "success"): 2, ("again", "failed"): 1})
		(row,) = self.failures()
		self.assertEqual((row.exception, row.message, row.attempts), ("ValueError", "after all", 2))

	def test_stopped_and_killed(self) -> None:
		with worker("short") as process:
			stopped, killed = self.enqueue("hang"), self.enqueue("hang")
			self.wait_for(lambda: status(stopped) == "started" and self.log.running(), "the first job runs")
			send_stop_job_command(get_redis_conn(), stopped)
			self.wait_for(lambda: status(killed) == "started" and len(self.log.running()) == 2, "the second")
			kill_horse(process.pid)
			self.wait_for(lambda: status(killed) == "failed", "the second job is killed")
			abandoned = self.enqueue("hang")
			self.wait_for(lambda: status(abandoned) == "started" and len(self.log.running()) == 3, "a third")
			name = Job.fetch(abandoned, connection=get_redis_conn()).worker_name
			kill_tree(process.pid)
		get_redis_conn().delete(f"rq:worker:{name}")  # as when its time is up
		for _again in range(2):
			self.assertEqual(self.counted(), {("hang", "stopped"): 1, ("hang", "killed"): 2})
		self.assertEqual(len(self.failures()), 3)

	def test_a_stop_by_a_user_makes_no_failure_group(self) -> None:
		with worker("short"):
			job_id = self.enqueue("hang")
			self.wait_for(lambda: status(job_id) == "started" and self.log.running(), "the job runs")
			send_stop_job_command(get_redis_conn(), job_id)
			self.wait_for(lambda: status(job_id) == "stopped", "it is stopped")
			self.assertTrue(actions.retry(context.client(), job_id).done)
			self.wait_for(
				lambda: status(job_id) == "started" and len(self.log.running()) == 2, "it runs again"
			)
			self.assertEqual(self.counted(), {("hang", "stopped"): 1})
		(row,) = self.failures()
		self.assertEqual((row.outcome, row.exception, row.failure_group or ""), ("stopped", "Stopped", ""))
		self.assertEqual(frappe.db.count(GROUP), 0)
		self.assertEqual(failure_groups.new_groups(clock.now() - timedelta(hours=1)), [])

	def test_attempts_that_rq_retries_are_no_failures(self) -> None:
		job_id = self.call("sabotage", fault="none", fails=True)
		job = Job.fetch(job_id, connection=get_redis_conn())
		job.retries_left = 2
		job.save()
		work_off("short")
		self.assertEqual(status(job_id), "failed")
		self.assertEqual(self.counted(), {("sabotage", "failed"): 1})
		self.assertEqual(len(self.failures()), 1)
		self.assertEqual(self.log.running(), [])

	def test_workers_come_and_go(self) -> None:
		ids = [self.enqueue("succeed") for _n in range(8)]
		with worker("short") as process:
			self.wait_for(lambda: any(status(job_id) == "finished" for job_id in ids), "the first ends")
			process.terminate()
			process.wait()
		work_off("short")
		self.assertEqual(self.counted(), {("succeed", "success"): 8})

	def test_a_scheduled_job_that_raises_has_failed(self) -> None:
		schedule = self.make_schedule("fail", "All", create_log=0)
		schedule.enqueue(force=True)
		work_off("default")
		ingest.ingest()
		rows = [row for row in self.failures() if row.exception == "ValueError"]
		self.assertEqual([row.outcome for row in rows], ["failed"])
		self.assertIn("no such invoice", rows[0].message)

	# Fields of a failure

	def test_fields_of_a_failure(self) -> None:
		user = make_user("recorder@example.com", "System Manager")
		frappe.set_user(user)
		job_id = self.enqueue("fail", note="SINV-1", api_key="abcdef", invoice="SINV-2")
		frappe.set_user("Administrator")
		work_off("short")
		ingest.ingest()
		(row,) = self.failures()
		self.assertEqual((row.method, row.queue, row.user), (f"{TESTING}.fail", "short", user))
		self.assertEqual((row.outcome, row.exception, row.attempts), ("failed", "ValueError", 1))
		self.assertEqual(row.rq_job_id, job_id)
		self.assertTrue(row.worker)
		self.assertIn("SINV-1", row.message)
		self.assertIn("in fail", row.traceback)
		self.assertIn("SINV-2", row.arguments)
		for secret in ("abcdef", "hunter2"):
			self.assertNotIn(secret, str(row))
		self.assertGreater(row.wait, 0)
		self.assertGreater(row.duration, 0)
		self.assertLess(row.duration, 30)
		self.assertGreater(row.memory, 10)
		self.assertLess(abs((row.failed_at - now_datetime()).total_seconds()), 60)
		self.assertTrue(frappe.db.exists(GROUP, row.failure_group))

	def test_a_group_opens_counts_is_resolved_and_opens_again(self) -> None:
		for number in range(2):
			self.add_failure(f"no such invoice SINV-{number}")
		ingest.ingest()
		group = self.group()
		self.assertEqual((group.state, group.occurrences, group.reopened), ("Open", 2, 0))
		self.assertEqual(group.last_days.split()[-1], "2")
		frappe.db.set_value(GROUP, group.name, "state", "Resolved")
		frappe.db.commit()
		self.add_failure("no such invoice SINV-9")
		ingest.ingest()
		group = self.group()
		self.assertEqual((group.state, group.occurrences, group.reopened), ("Open", 3, 1))
		frappe.db.set_value(GROUP, group.name, "state", "Ignored")
		frappe.db.commit()
		self.add_failure("no such invoice SINV-10")
		ingest.ingest()
		group = self.group()
		self.assertEqual((group.state, group.occurrences, group.reopened), ("Ignored", 4, 1))
		self.add_failure("another trouble")
		ingest.ingest()
		self.assertEqual(frappe.db.count(GROUP), 2)

	def group(self) -> Any:
		(found,) = frappe.get_all(GROUP, fields=["*"])
		return found

	# Harmless

	def test_no_fault_of_the_recorder_fails_the_job(self) -> None:
		faults = ("redis", "bug", "disk")
		fine = [self.call("sabotage", fault=fault) for fault in faults]
		failing = [self.call("sabotage", fault=fault, fails=True) for fault in faults]
		work_off("short")
		for job_id in fine:
			job = Job.fetch(job_id, connection=get_redis_conn())
			self.assertEqual((status(job_id), job.return_value()), ("finished", "done"))
		for job_id in failing:
			job = Job.fetch(job_id, connection=get_redis_conn())
			self.assertEqual(status(job_id), "failed")
			self.assertTrue(job.latest_result().exc_string.rstrip().endswith("ValueError: the job's own"))
		# What no hook could tell, RQ tells
		self.assertEqual(self.counted(), {("sabotage", "success"): 3, ("sabotage", "failed"): 3})

	def test_redis_refuses_the_recorder_only(self) -> None:
		log = self.log
		log.connection.delete(log.running_key)
		log.connection.set(log.running_key, "of another type", ex=60)
		self.addCleanup(log.connection.delete, log.running_key)
		job_id = self.enqueue("succeed")
		work_off("short")
		self.assertEqual(status(job_id), "finished")
