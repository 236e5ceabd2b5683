"""Progress of tasks, for Desk's panel and client scripts."""

from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.progress import user_tasks


@frappe.whitelist()
@rate_limit(limit=240, seconds=60)
def get_tasks() -> list[dict[str, Any]]:
	"""Last state of the user's own tasks: `{"task_id", "title", "state", "progress", "current", "total", …}`."""
	return user_tasks.of_session()


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=600, seconds=60)
def publish_progress(
	progress: float, title: str, description: str = "", task_id: str = "", user: str = ""
) -> dict[str, Any]:
	"""Show progress (0 to 100; 100 ends it) in the user's own panel; in somebody else's for managers only."""
	return user_tasks.publish(progress, title, description, task_id, user)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=60, seconds=60)
def ask_to_stop(job_id: str) -> dict[str, Any]:
	"""Ask a running job to stop by itself, see `Progress.stop_requested`. For managers, and for the job's own user."""
	return user_tasks.ask_to_stop(job_id)
