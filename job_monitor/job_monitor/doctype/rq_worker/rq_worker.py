"""RQ Worker as Frappe defines it, with rows of `bridge.rq.workers`."""

from __future__ import annotations

from typing import Any

from frappe.core.doctype.rq_worker.rq_worker import RQWorker as CoreRQWorker
from frappe.model.document import Document

from job_monitor.bridge.markup import PlainText
from job_monitor.bridge.rq import workers


class RQWorker(PlainText, CoreRQWorker):
	def load_from_db(self) -> None:
		super(Document, self).__init__(workers.document(self.name))

	@staticmethod
	def get_list(args: Any = None, **kwargs: Any) -> list[Any]:
		return workers.get_list(args, kwargs)

	@staticmethod
	def get_count(args: Any = None, **kwargs: Any) -> int:
		return workers.get_count(args, kwargs)

	@staticmethod
	def get_stats(args: Any = None, **kwargs: Any) -> dict[str, Any]:
		return {}
