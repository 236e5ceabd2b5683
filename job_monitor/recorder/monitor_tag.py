"""Adds the queue of a job to Frappe's monitor log."""

from __future__ import annotations

from typing import Any

import frappe

from job_monitor.core.rq import keys


def tag(job: Any) -> None:
	"""Add the job's queue, if the monitor is on. For a `before_job` hook that `beside_the_job` guards."""
	if frappe.conf.monitor:
		frappe.monitor.add_data_to_monitor(queue=keys.short_name(job.origin))
