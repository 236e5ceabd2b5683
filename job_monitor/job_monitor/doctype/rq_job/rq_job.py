"""RQ Job as Frappe defines it, with rows of `bridge.rq.jobs`."""

from __future__ import annotations

from typing import Any

from frappe.core.doctype.rq_job.rq_job import RQJob as CoreRQJob
from frappe.model.document import Document
from frappe.utils.background_jobs import get_redis_conn
from rq.job import Job

from job_monitor.bridge.markup import PlainText
from job_monitor.bridge.rq import actions, jobs


class RQJob(PlainText, CoreRQJob):
	def load_from_db(self) -> None:
		super(Document, self).__init__(jobs.document(self.name))

	def onload(self) -> None:
		"""Whether the job is a zombie, which the form offers to delete. Frappe has checked the right to read before."""
		if self.status in ("queued", "started"):
			self.set_onload("job_monitor_zombie", jobs.is_zombie(self.name))

	@property
	def job(self) -> Job:
		"""RQ's own job, for Frappe's callers. Fetched on demand: showing a job must not unpickle it."""
		return Job.fetch(self.name, connection=get_redis_conn())

	def stop_job(self) -> None:
		actions.act_with_message("stop", self.name)

	def cancel(self) -> None:
		actions.act_with_message("cancel", self.name)

	def delete(self, *args: Any, **kwargs: Any) -> None:
		actions.remove_or_throw(self.name)

	@staticmethod
	def get_list(args: Any = None, **kwargs: Any) -> list[Any]:
		return jobs.get_list(args, kwargs)

	@staticmethod
	def get_count(args: Any = None, **kwargs: Any) -> int:
		return jobs.get_count(args, kwargs)

	@staticmethod
	def get_stats(args: Any = None, **kwargs: Any) -> dict[str, Any]:
		return {}
