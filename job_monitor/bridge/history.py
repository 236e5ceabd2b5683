"""What the recorder has written down, for rules and reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import frappe
from frappe.utils import now_datetime

from job_monitor.bridge import metrics, state
from job_monitor.core.metrics import counts
from job_monitor.core.runs import OUTCOMES


@dataclass(frozen=True)
class MethodCounts:
	"""Runs of one method in one queue, by outcome."""

	method: str
	queue: str
	success: int = 0
	failed: int = 0
	timeout: int = 0
	stopped: int = 0
	killed: int = 0

	@property
	def total(self) -> int:
		return self.success + self.bad + self.stopped

	@property
	def bad(self) -> int:
		"""Failed, timed out and killed; what somebody stopped did not fail."""
		return self.failed + self.timeout + self.killed


@dataclass(frozen=True)
class Baseline:
	"""How long a method usually takes: of so many runs in the last 7 days, in seconds."""

	samples: int
	p50: float
	p95: float


def outcomes(minutes: int) -> list[MethodCounts]:
	"""Runs that ended in the last minutes (up to 1,440), this one included. One query."""
	since = metrics.MINUTE.floor(now_datetime() - timedelta(minutes=minutes))
	filters = {"resolution": "Minute", "start": [">=", since], "methods": ["!=", ""]}
	sums: dict[tuple[str, str], dict[str, int]] = {}
	for row in frappe.get_all(metrics.METRIC, filters, ["queue", "methods"]):
		for method, by_outcome in counts(row.methods).items():
			total = sums.setdefault((method, row.queue), {})
			for outcome, number in by_outcome.items():
				total[outcome] = total.get(outcome, 0) + number
	return [MethodCounts(method, queue, **found) for (method, queue), found in sums.items()]


def by_queue(minutes: int = 60) -> dict[str, dict[str, Any]]:
	"""What ended in the last minutes (up to 2,880), by queue: runs, failed, average_wait and average_duration in
	seconds, None where nothing ran. One query."""
	since = metrics.MINUTE.floor(now_datetime() - timedelta(minutes=minutes))
	fields = ["queue", *OUTCOMES, "waited", "seconds"]
	sums: dict[str, dict[str, float]] = {}
	for row in frappe.get_all(metrics.METRIC, {"resolution": "Minute", "start": [">=", since]}, fields):
		total = sums.setdefault(row.pop("queue"), {})
		for name, number in row.items():
			total[name] = total.get(name, 0) + (number or 0)
	return {queue: _averages(total) for queue, total in sums.items()}


def _averages(total: dict[str, float]) -> dict[str, Any]:
	runs = sum(int(total[outcome]) for outcome in OUTCOMES)
	bad = sum(int(total[outcome]) for outcome in ("failed", "timeout", "killed"))
	wait, duration = ((total[name] / runs if runs else None) for name in ("waited", "seconds"))
	return {"runs": runs, "failed": bad, "average_wait": wait, "average_duration": duration}


def baselines() -> dict[str, Baseline]:
	"""Usual durations by method. Taken anew each hour. One query."""
	kept: dict[str, Any] = json.loads(state.get(metrics.BASELINES) or "{}")
	return {m: Baseline(n, p50, p95) for m, (n, p50, p95) in kept.items() if p95 is not None}


def baseline(method: str) -> Baseline | None:
	return baselines().get(method)


def new_groups(since: datetime) -> list[dict[str, Any]]:
	"""Job Failure Groups, not ignored, first seen or reopened since then, newest first: name, title, method,
	state, occurrences, first_at, reopened_at."""
	fields = ["name", "title", "method", "state", "occurrences", "first_at", "reopened_at", "last_at"]
	return frappe.get_all(
		"Job Failure Group",
		filters={"state": ["!=", "Ignored"], "last_at": [">=", since]},
		or_filters=[["first_at", ">=", since], ["reopened_at", ">=", since]],
		fields=fields,
		order_by="last_at desc",
		limit=100,
	)
