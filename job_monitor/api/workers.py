"""Workers of this bench, for client scripts, REST and Desk's buttons."""

from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.bridge.rq import actions


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=30, seconds=60)
def get_stack(worker: str) -> dict[str, Any]:
	"""Stack of a worker's process, right now: `{"text", "pid", "by"}` or `{"text": "", "problem"}`.

	Managers only, audited. Where the worker runs on another host, `problem` says what to run there.
	"""
	return actions.worker_stack(worker)
