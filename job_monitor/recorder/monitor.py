"""One more fact in Frappe's monitor log: the queue a job came from."""

from __future__ import annotations

from typing import Any

import frappe
from rq import get_current_job

from job_monitor.core import keys
from job_monitor.recorder.harmless import harmless


@harmless("the monitor's record got no queue")
def tag(*_args: Any, **_kwargs: Any) -> None:
	"""A `before_job` hook: harmless; a few microseconds, and nothing where the monitor is off."""
	if not frappe.conf.monitor:
		return
	job = get_current_job()
	if job is not None:
		frappe.monitor.add_data_to_monitor(queue=keys.split_queue(job.origin)[1])
