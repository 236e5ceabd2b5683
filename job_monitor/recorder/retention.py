"""Deletes history by age and by number of rows: in batches, so that no delete locks a table for long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe.utils import add_days, now_datetime

from job_monitor.bridge.history.job_metric import DAY, HOUR, KEPT_DAYS, METRIC, MINUTE
from job_monitor.bridge.timezones import to_column
from job_monitor.core import clock
from job_monitor.recorder.failures import FAILURE, GROUP

BATCH_ROWS = 2_000
"""Rows deleted in one transaction."""

FAILURE_ROWS = 100_000
"""Failures kept at most: about 500 MB with long tracebacks. The groups keep their counts."""

METRIC_ROWS = {MINUTE: 100_000, HOUR: 50_000, DAY: 20_000}
"""Rows of Job Metric kept at most, by scale."""


def clear_failures(days: int) -> None:
	"""Delete failures that are older than so many days, or beyond `FAILURE_ROWS`. Commits."""
	_clear(FAILURE, {}, "failed_at", add_days(now_datetime(), -days), FAILURE_ROWS)


def clear_groups(days: int) -> None:
	"""Delete groups without a failure for so many days. Ignored ones stay, as a user decided that. Commits."""
	_clear(GROUP, {"state": ["!=", "Ignored"]}, "last_at", add_days(now_datetime(), -days), FAILURE_ROWS)


def clear_metrics(days: int) -> None:
	"""Delete metrics that are older than so many days, or than their scale is kept. Commits."""
	for scale, rows in METRIC_ROWS.items():
		kept = min(days, KEPT_DAYS.get(scale, days))
		before = to_column(clock.now() - timedelta(days=kept))
		_clear(METRIC, {"resolution": scale.name}, "start", before, rows)


def _clear(doctype: str, filters: dict[str, Any], field: str, before: datetime, rows: int) -> None:
	"""Delete rows that are older than `before`, and the oldest beyond so many rows. Commits."""
	cut = frappe.get_all(doctype, filters, pluck=field, order_by=f"{field} desc", limit_start=rows, limit=1)
	if cut:
		before = max(before, cut[0])
	while names := frappe.get_all(
		doctype, {**filters, field: ["<=", before]}, pluck="name", order_by=field, limit=BATCH_ROWS
	):
		frappe.db.delete(doctype, {"name": ["in", names]})
		frappe.db.commit()
