"""Job Failure: a run that did not succeed. Written by `recorder.failures`, never edited."""

from __future__ import annotations

from frappe.model.document import Document

from job_monitor.bridge.markup import PlainText
from job_monitor.recorder import retention


class JobFailure(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		arguments: DF.Code | None
		attempts: DF.Int
		cpu: DF.Float
		duration: DF.Float
		exception: DF.Data | None
		failed_at: DF.Datetime | None
		failure_group: DF.Link | None
		memory: DF.Float
		message: DF.SmallText | None
		method: DF.Data | None
		outcome: DF.Literal["failed", "timeout", "stopped", "killed"]
		queue: DF.Data | None
		rq_job_id: DF.Data | None
		traceback: DF.Code | None
		user: DF.Data | None
		wait: DF.Float
		worker: DF.Data | None
	# end: auto-generated types

	@staticmethod
	def clear_old_logs(days: int = 90) -> None:
		retention.clear_failures(days)
