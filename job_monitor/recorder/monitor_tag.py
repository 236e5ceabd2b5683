"""One more fact in Frappe's monitor log: the queue a job came from."""

from __future__ import annotations

from typing import Any

import frappe

from job_monitor.core.rq import keys


def tag(job: Any) -> None:
	"""Of a `before_job` hook, to be guarded by `beside_the_job`; nothing where the monitor is off."""
	if frappe.conf.monitor:
		frappe.monitor.add_data_to_monitor(queue=keys.short_name(job.origin))
