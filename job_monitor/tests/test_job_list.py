"""`get_jobs(…, status=…)`: iterating ends, whatever registries hold the jobs, and no more rows are read than are used."""

from __future__ import annotations

import uuid
from typing import Any
from unittest.mock import patch

import frappe
from frappe.utils.background_jobs import get_redis_conn

from job_monitor.bridge import context
from job_monitor.bridge.rq import job_list
from job_monitor.bridge.rq.job_list import JobList
from job_monitor.core import clock
from job_monitor.core.rq import keys
from job_monitor.core.rq.records import SearchResult
from job_monitor.tests.support.site_test_case import SiteTestCase


class TestJobList(SiteTestCase):
	def write(self, status: str, number: int) -> list[str]:
		"""Jobs in a registry with equal scores, the newest first."""
		connection = get_redis_conn()
		name = f"{context.client().bench}:default"
		ids = [f"{frappe.local.site}||{uuid.uuid4()}" for _ in range(number)]
		stamp = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
		for job_id in ids:
			connection.hset(
				keys.job_key(job_id), mapping={"status": status, "origin": name, "created_at": stamp}
			)
			connection.zadd(keys.place_key(status, name), {job_id: clock.now().timestamp() // 10 * 10 + 1000})
		connection.sadd(keys.QUEUES, keys.queue_key(name))
		return ids

	def test_iterating_over_each_status_ends_with_each_job_once(self) -> None:
		for status in keys.REGISTRY_TEMPLATES:
			ids = self.write(status, 30)
			with patch("job_monitor.core.limits.PAGE_ROWS", 7):
				for site in (frappe.local.site, None):
					found = [row.name for row in JobList(site, None, status)]
					self.assertCountEqual(found, ids)

	def test_the_first_job_is_read_without_the_others(self) -> None:
		self.write("canceled", 40)
		jobs = JobList(frappe.local.site, "default", "canceled")
		names = [row.name for row in jobs]
		limits: list[int] = []

		def counted(client: Any, query: Any, *arguments: Any) -> SearchResult:
			limits.append(query.limit)
			return self.search(client, query, *arguments)

		self.search = job_list.search
		with patch.object(job_list, "search", counted):
			self.assertEqual(jobs[0].name, names[0])
			self.assertEqual([row.name for row in jobs[1:3]], names[1:3])
		self.assertEqual(limits, [1, 3])
		self.assertEqual([row.name for row in jobs[-2:]], names[-2:])
		self.assertEqual(jobs[-1].name, names[-1])
		self.assertRaises(IndexError, lambda: jobs[40])

	def test_a_sites_jobs_are_counted_by_their_ids(self) -> None:
		self.write("canceled", 40)
		with patch("job_monitor.core.rq.job_fields.row", side_effect=AssertionError("a job was read")):
			with patch(
				"job_monitor.core.rq.merge.Merge.next", side_effect=AssertionError("jobs were put in order")
			):
				self.assertEqual(len(JobList(frappe.local.site, "default", "canceled")), 40)
				self.assertEqual(len(JobList(frappe.local.site, "default", ["canceled", "finished"])), 40)
		self.assertEqual(len(JobList(None, "default", ["failed", "stopped"])), 0)

	def test_a_count_that_is_not_complete_is_refused(self) -> None:
		self.write("canceled", 3)
		jobs = JobList(frappe.local.site, None, "canceled")
		with patch.object(job_list, "count_all", lambda *_: SearchResult((), 1, 3, cursor="x", matched=1)):
			self.assertRaises(job_list.SearchIncomplete, len, jobs)
		self.assertEqual(len(jobs), 3)
