"""Queues of this bench, for client scripts, REST and Python."""

from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.bridge.rq import queues


@frappe.whitelist()
@rate_limit(limit=600, seconds=60)
def get_queue_info() -> dict[str, Any]:
	"""Depth by status, oldest waiting job and workers of all queues. See `bridge.rq.queues.get_queue_info`.

	frappe.call("job_monitor.api.queues.get_queue_info").then((r) => console.log(r.message.pending));
	"""
	frappe.has_permission("RQ Job", "read", throw=True)
	return queues.get_queue_info()
