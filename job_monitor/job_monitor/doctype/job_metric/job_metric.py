"""Job Metric: runs of one queue in a minute, an hour or a day, by method. Written and read by `bridge.history.job_metric`."""

from __future__ import annotations

import frappe
from frappe.model.document import Document

from job_monitor.bridge.markup import PlainText
from job_monitor.recorder import retention


class JobMetric(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		counts: DF.LongText | None
		cpu: DF.Float
		depth: DF.Int
		failed: DF.Int
		killed: DF.Int
		memory: DF.Float
		oldest_age: DF.Float
		queue: DF.Data | None
		resolution: DF.Literal["Minute", "Hour", "Day"]
		seconds: DF.Float
		sketches: DF.LongText | None
		start: DF.Datetime | None
		stopped: DF.Int
		success: DF.Int
		timeout: DF.Int
		totals: DF.LongText | None
		waited: DF.Float
	# end: auto-generated types

	@staticmethod
	def clear_old_logs(days: int = 365) -> None:
		retention.clear_metrics(days)


def on_doctype_update() -> None:
	frappe.db.add_index("Job Metric", ["resolution", "start"], "resolution_start")
