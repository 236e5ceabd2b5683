"""The case of all tests on a site: an empty Redis before each test, the site's rows put back after each class."""

from __future__ import annotations

import copy
import time
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import frappe
from frappe.utils.scheduler import toggle_scheduler

from job_monitor.tests.support.private_redis import empty_redis
from job_monitor.tests.support.site_rows import SiteRows

WAIT_SECONDS = 40.0


class SiteTestCase(unittest.TestCase):
	"""Each test begins with an empty Redis of its own; after each class the site's rows are as they were.

	Frappe's own test case is not used: on 16 it makes records of all DocTypes that ours link to, and leaves them.
	"""

	maxDiff = 10_000

	job_ids: ClassVar[list[str]] = []

	@classmethod
	def setUpClass(cls) -> None:
		super().setUpClass()
		frappe.set_user("Administrator")
		cls.addClassCleanup(setattr, frappe.local, "flags", copy.deepcopy(frappe.local.flags))
		empty_redis()
		cls.addClassCleanup(SiteRows().put_back)
		speak_english()

	def setUp(self) -> None:
		super().setUp()
		empty_redis()
		self.job_ids.clear()
		frappe.clear_messages()
		frappe.set_user("Administrator")
		self.addCleanup(frappe.set_user, "Administrator")

	def enqueue(self, method: str = "succeed", queue: str = "short", **kwargs: Any) -> str:
		"""Enqueue a function of `tests.support.jobs`. Returns the job's id."""
		job = frappe.enqueue(f"job_monitor.tests.support.jobs.{method}", queue=queue, **kwargs)
		self.job_ids.append(job.id)
		return job.id

	def make_schedule(self, method: str, frequency: str = "Daily", **values: Any) -> Any:
		"""A Scheduled Job Type of a function of `tests.support.jobs`, until the end of the test."""
		path = f"job_monitor.tests.support.jobs.{method}"
		frappe.db.delete("Scheduled Job Type", {"method": path})
		values |= {"doctype": "Scheduled Job Type", "method": path, "frequency": frequency}
		doc = frappe.get_doc(values).insert()
		frappe.db.commit()
		self.addCleanup(_forget_schedule, doc.name)
		return doc

	def switch_scheduler(self, on: bool) -> None:
		"""Switch the site's scheduler on or off. Frappe 16 caches the settings, also as read before the commit."""
		toggle_scheduler(on)
		frappe.db.commit()
		frappe.clear_document_cache("System Settings", "System Settings")
		if hasattr(frappe.local, "system_settings"):
			del frappe.local.system_settings

	def wait_for(self, condition: Callable[[], Any], message: str) -> Any:
		deadline = time.monotonic() + WAIT_SECONDS
		while time.monotonic() < deadline:
			if result := condition():
				return result
			time.sleep(0.1)
		self.fail(f"not within {WAIT_SECONDS:.0f} s: {message}")


def _forget_schedule(name: str) -> None:
	frappe.db.rollback()
	frappe.delete_doc("Scheduled Job Type", name, force=True)
	frappe.db.delete("Scheduled Job Log", {"scheduled_job_type": name})
	frappe.db.commit()


def speak_english() -> None:
	"""Set the language of the site, which is that of its alerts, and of this process."""
	frappe.db.set_single_value("System Settings", "language", "en")
	frappe.db.commit()
	frappe.local.lang = "en"


@contextmanager
def locked_row(doctype: str, name: str) -> Iterator[None]:
	"""Another connection holds the lock of a row until the end of the block."""
	own, frappe.local.db = frappe.local.db, None
	try:
		frappe.connect(set_admin_as_user=False)
		other = frappe.local.db
	finally:
		frappe.local.db = own
	other.sql(f"select name from `tab{doctype}` where name = %s for update", name)
	try:
		yield
	finally:
		other.rollback()
		other.close()
