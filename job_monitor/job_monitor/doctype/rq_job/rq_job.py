"""RQ Job as core defines it, answered by the job monitor."""

from __future__ import annotations

from typing import Any

import frappe
from frappe import _
from frappe.core.doctype.rq_job.rq_job import RQJob as CoreRQJob
from frappe.model.document import Document
from frappe.utils.background_jobs import get_redis_conn
from rq.job import Job

from job_monitor.bridge import actions, jobs
from job_monitor.bridge.markup import PlainText, as_html


class RQJob(PlainText, CoreRQJob):
	def load_from_db(self) -> None:
		super(Document, self).__init__(jobs.document(self.name))

	def onload(self) -> None:
		"""For the form, which offers to delete a zombie. Frappe has checked the right to read by now."""
		if self.status in ("queued", "started"):
			self.set_onload("job_monitor_zombie", jobs.is_zombie(self.name))

	@property
	def job(self) -> Job:
		"""RQ's own job, for core's callers. Fetched on demand: showing a job must not unpickle it."""
		return Job.fetch(self.name, connection=get_redis_conn())

	def stop_job(self) -> None:
		"""Core's callers expect a message, and no error, where there is nothing to stop."""
		_tell(actions.act("stop", self.name))

	def cancel(self) -> None:
		_tell(actions.act("cancel", self.name))

	def delete(self, *args: Any, **kwargs: Any) -> None:
		"""
		Raises:
			frappe.ValidationError: It runs. Desk's bulk delete then counts it among those that were not deleted.
		"""
		outcome = actions.act("remove", self.name)
		if not outcome["done"]:
			frappe.throw(as_html(outcome["message"], 500), title=_("Invalid Operation"))

	@staticmethod
	def get_list(args: Any = None, **kwargs: Any) -> list[Any]:
		return jobs.get_list(args, kwargs)

	@staticmethod
	def get_count(args: Any = None, **kwargs: Any) -> int:
		return jobs.get_count(args, kwargs)

	@staticmethod
	def get_stats(args: Any = None, **kwargs: Any) -> dict[str, Any]:
		return {}


def _tell(outcome: dict[str, Any]) -> None:
	if not outcome["done"]:
		frappe.msgprint(as_html(outcome["message"], 500), title=_("Invalid Operation"))
