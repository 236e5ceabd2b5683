"""Schedules of this site, for client scripts, REST and Desk."""

from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.bridge.rq import actions
from job_monitor.bridge.schedules import schedule_rows


@frappe.whitelist()
@rate_limit(limit=600, seconds=60)
def get_health(names: str | list[str] | None = None) -> list[dict[str, Any]]:
	"""Health of schedules, the worst first; of all schedules if none is named. See `bridge.schedules.schedule_rows`.

	frappe.call("job_monitor.api.schedules.get_health").then((r) => console.log(r.message[0].state));
	"""
	frappe.has_permission("Scheduled Job Type", "read", throw=True)
	return schedule_rows.rows(frappe.parse_json(names))


@frappe.whitelist()
@rate_limit(limit=600, seconds=60)
def get_scheduler() -> dict[str, str]:
	"""Whether this site's schedules are started. Frappe's `get_scheduler_status` knows its switch only.

	Returns:
		`{"state": "running", "absent", "disabled", "paused" or "dormant", "detail": why, and what to do}`.
	"""
	frappe.has_permission("Scheduled Job Type", "read", throw=True)
	return schedule_rows.scheduler_row()


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=60, seconds=60)
def release(schedule: str) -> dict[str, Any]:
	"""Delete the dead job that blocks a schedule. Managers only, audited.

	Returns:
		`{"done": bool, "status": str, "message": str}`.
	"""
	return actions.release(schedule)
