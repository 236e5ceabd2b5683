"""Adds up minutes of Job Metric into hours, and hours into days, once they are over."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import frappe

from job_monitor.bridge.history import baselines, job_metric
from job_monitor.bridge.history.job_metric import DAY, HOUR, MINUTE, Bucket
from job_monitor.bridge.history.recorder_progress import STATE, Progress
from job_monitor.bridge.site import state
from job_monitor.core import clock

SETTLE_MINUTES = 10
"""An hour is rolled up 10 minutes after it ends; later runs are added to the hour row."""


def roll_up() -> None:
	"""Add up the hours, and the days, that are over. Commits; one read where none is."""
	hours = HOUR.floor(clock.now() - timedelta(minutes=SETTLE_MINUTES))
	if hours <= Progress.read().hours_until:
		return
	progress = Progress.load(state.lock(STATE))
	if hours <= progress.hours_until:
		frappe.db.rollback()
		return
	_merge(MINUTE, HOUR, progress.hours_until, hours)
	progress.hours_until = hours
	days = DAY.floor(hours)
	if days > progress.days_until:
		_merge(HOUR, DAY, progress.days_until, days)
		progress.days_until = days
	baselines.refresh()
	state.put(STATE, progress.dump())
	frappe.db.commit()


def _merge(fine: job_metric.Scale, coarse: job_metric.Scale, since: datetime, until: datetime) -> None:
	"""Add the rows of a finer scale in a range to those of a coarser one."""
	sums: dict[Bucket, job_metric.MetricRow] = defaultdict(job_metric.MetricRow)
	for bucket, row in job_metric.read(fine, since, until):
		sums[Bucket(coarse, coarse.floor(bucket.start), bucket.queue)].merge(row)
	job_metric.add(sums)
