"""RQ Worker on a real site, with real workers."""

from __future__ import annotations

import socket
from typing import Any

import frappe
from frappe.model.base_document import get_controller
from frappe.utils.background_jobs import get_redis_conn

from job_monitor.tests.support.jobs import status
from job_monitor.tests.support.processes import kill_tree
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.workers import worker


class TestRQWorker(SiteTestCase):
	def of(self, pid: int) -> Any:
		return self.wait_for(
			lambda: next(
				iter(frappe.get_all("RQ Worker", {"pid": str(pid), "hostname": socket.gethostname()})), None
			),
			"the worker is listed",
		)

	def test_a_busy_worker_shows_its_job(self) -> None:
		job_id = self.enqueue("hang")
		with worker("short", "default") as process:
			self.wait_for(lambda: status(job_id) == "started", "the job runs")
			row = self.of(process.pid)
			self.assertEqual((row.status, row.current_job_id), ("busy", job_id))
			self.assertEqual(row.current_method, "job_monitor.tests.support.jobs.hang")
			self.assertEqual(sorted(row.queue_type.split(",")), ["default", "short"])
			self.assertGreater(row.memory, 10)
			self.assertGreaterEqual(row.running_for, 0)
			doc = frappe.get_doc("RQ Worker", row.name)
			self.assertEqual((doc.status, doc.pid, doc.current_job_id), ("busy", str(process.pid), job_id))
			self.assertGreaterEqual(doc.utilization_percent, 0)
			kill_tree(process.pid)
			process.wait()
			self.assertEqual(frappe.get_doc("RQ Worker", row.name).status, "dead")

	def test_a_job_of_another_site_is_not_shown(self) -> None:
		job_id = self.enqueue("hang")
		with worker("short") as process:
			self.wait_for(lambda: status(job_id) == "started", "the job runs")
			site, frappe.local.site = frappe.local.site, frappe.local.site + ".evil"
			try:
				row = self.of(process.pid)
			finally:
				frappe.local.site = site
			self.assertEqual((row.status, row.current_job_id, row.current_method), ("busy", None, None))

	def test_list_and_count_agree(self) -> None:
		with worker("long") as process:
			self.wait_for(lambda: self.of(process.pid).status == "idle", "the worker waits for jobs")
			get_count = get_controller("RQ Worker").get_count
			names = frappe.get_all("RQ Worker", pluck="name")
			self.assertEqual(get_count(frappe._dict(doctype="RQ Worker")), len(names))
			ours = {"pid": str(process.pid), "queue_type": ["like", "%long%"], "status": ["in", "idle,busy"]}
			self.assertEqual(len(frappe.get_all("RQ Worker", ours)), 1)
			self.assertEqual(frappe.get_all("RQ Worker", {**ours, "status": "dead"}), [])
			filters = [["RQ Worker", "status", "=", "dead"]]
			dead = frappe.get_all("RQ Worker", filters=filters)
			self.assertEqual(get_count({"filters": filters}), len(dead))
			self.assertEqual(len(frappe.get_all("RQ Worker", limit=1)), 1)
			by_host = frappe.get_all("RQ Worker", order_by="hostname asc, pid asc", pluck="pid")
			self.assertEqual(len(by_host), len(names))

	def test_workers_of_another_bench_are_not_ours(self) -> None:
		connection = get_redis_conn()
		key = "rq:worker:other-bench-worker"
		connection.hset(key, mapping={"queues": "other-bench:default", "state": "idle", "pid": "1"})
		connection.expire(key, 400)
		connection.sadd("rq:workers", key)
		self.addCleanup(connection.delete, key)
		self.addCleanup(connection.srem, "rq:workers", key)
		self.assertNotIn("other-bench-worker", frappe.get_all("RQ Worker", pluck="name"))
		for name in ("other-bench-worker", "nonexistent"):
			with self.assertRaises(frappe.DoesNotExistError):
				frappe.get_doc("RQ Worker", name)

	def test_cores_health_report_reads_what_it_needs(self) -> None:
		with worker("short") as process:
			self.of(process.pid)
			for row in frappe.get_all(
				"RQ Worker", fields=["queue_type", "failed_job_count", "utilization_percent"]
			):
				self.assertIsInstance(row.utilization_percent, float)
				self.assertIsInstance(row.failed_job_count, int)
				self.assertTrue(row.queue_type)
