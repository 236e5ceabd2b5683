"""Jobs of this site, for client scripts, REST and Desk's buttons."""

from __future__ import annotations

from typing import Any

import frappe

from job_monitor.bridge import actions


@frappe.whitelist(methods=["POST"])
def stop(job_id: str) -> dict[str, Any]:
	"""Ask the worker of a running job to end it. Managers only, audited.

	Returns:
		`{"done": bool, "status": str, "message": str}`, as of `retry` and `remove`.
	"""
	return actions.act("stop", job_id)


@frappe.whitelist(methods=["POST"])
def retry(job_id: str) -> dict[str, Any]:
	"""Put a failed, stopped or canceled job back into its queue. Managers only, audited."""
	return actions.act("retry", job_id)


@frappe.whitelist(methods=["POST"])
def remove(job_id: str) -> dict[str, Any]:
	"""Cancel a waiting job, delete an ended one. Managers only, audited."""
	return actions.act("remove", job_id)
