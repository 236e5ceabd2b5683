"""Failures of this site's jobs, for Desk's buttons and REST."""

import json

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.bridge.history import failure_groups


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def set_state(names: list | str, state: str) -> dict:
	"""Make Job Failure Groups `Open`, `Resolved` or `Ignored`. Managers only, audited.

	Returns:
		`{"done": int, "skipped": int, "message": str}`

	frappe.xcall("job_monitor.api.failures.set_state", { names: ["3f2a…"], state: "Resolved" }, "POST")
	"""
	if isinstance(names, str):
		names = json.loads(names) if names.startswith("[") else [names]
	return failure_groups.set_state(names, state)
