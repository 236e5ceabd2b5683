"""Shared by the tests of the recorder on a site: runs as the hooks record them, and their counts."""

from __future__ import annotations

import time
from collections import Counter
from unittest.mock import patch

import frappe

from job_monitor.bridge import context
from job_monitor.bridge.history import job_metric, recent_runs
from job_monitor.core import limits
from job_monitor.core.history.run_entries import Failure
from job_monitor.core.history.run_records import Run
from job_monitor.core.history.runs import RunLog
from job_monitor.recorder import ingest
from job_monitor.tests.support.site_test_case import SiteTestCase

FAILURE, GROUP = "Job Failure", "Job Failure Group"


class Mute(Exception):
	def __str__(self) -> str:
		raise RuntimeError("no text")


class RecorderTestCase(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		grace = patch.object(limits, "RUN_GRACE_SECONDS", -1)
		grace.start()
		self.addCleanup(grace.stop)
		ingest.ingest()
		self.clear()
		self.addCleanup(self.clear)

	def clear(self) -> None:
		frappe.db.rollback()
		for doctype in (FAILURE, GROUP, job_metric.METRIC):
			frappe.db.delete(doctype)
		frappe.db.commit()

	@property
	def log(self) -> RunLog:
		client = context.client()
		return RunLog(client.connection, client.bench or "", frappe.local.site)

	def counted(self) -> Counter[tuple[str, str]]:
		"""Runs by the last part of their method, and outcome; those of this test's jobs."""
		ingest.ingest()
		found: Counter[tuple[str, str]] = Counter()
		for counts in recent_runs.outcomes([15])[15].values():
			for outcome, methods in counts.items():
				for method, number in methods.items():
					found[method.rpartition(".")[2], outcome] += number
		return +Counter({key: n for key, n in found.items() if key[0] in self.methods})

	methods = ("succeed", "fail", "hang", "die", "again", "sabotage", "gone")

	def add_failure(self, message: str) -> None:
		now = time.time()
		run = Run("x", "app.method", "short", now, ended_at=now, outcome="failed")
		self.log.end(run, Failure("ValueError", message, "Traceback"), begun=False)

	def add_runs(self, number: int) -> None:
		now = time.time()
		for n in range(number):
			method, outcome = ("fail", "failed") if n % 3 == 0 else ("succeed", "success")
			run = Run(str(n), f"app.{method}", "short", now, ended_at=now, outcome=outcome, duration=0.1)
			self.log.end(run, begun=False)
