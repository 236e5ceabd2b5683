"""Jobs of this site, for client scripts, REST and Desk's buttons."""

from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.bridge.rq import actions, jobs


@frappe.whitelist()
@rate_limit(limit=1200, seconds=60)
def get_job_status(job_id: str) -> dict[str, Any]:
	"""Status of one job of this site, for those who may read RQ Job and for the user whose job it is.

	Returns:
		`{"job_id", "status", "queue", "method", "progress", "created_at", "started_at", "ended_at", "wait",
		"time_taken"}`: durations in seconds, moments in the site's time zone.

	frappe.call("job_monitor.api.jobs.get_job_status", { job_id }).then((r) => console.log(r.message.status));
	"""
	return jobs.status(job_id)


@frappe.whitelist()
@rate_limit(limit=600, seconds=60)
def get_jobs(
	site: str | None = None,
	queue: str | None = None,
	status: str | None = None,
	start: int = 0,
	page_length: int = 20,
) -> list[dict[str, Any]]:
	"""Jobs of this site, newest first, as rows of RQ Job. `site` may only be this one.

	frappe.call("job_monitor.api.jobs.get_jobs", { queue: "default", status: "queued" })
	"""
	return jobs.of_site(site, queue, status, start, page_length)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=30, seconds=60)
def get_stack(job_id: str) -> dict[str, Any]:
	"""Stack of the process that runs a job, right now: `{"text", "pid", "by"}` or `{"text": "", "problem"}`.

	Managers only, audited.
	"""
	return actions.job_stack(job_id)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def stop(job_id: str) -> dict[str, Any]:
	"""Stop a running job: its worker is asked to end it. Managers only, audited.

	Returns:
		`{"done": bool, "status": str, "message": str}`, as of `retry` and `remove`.
	"""
	return actions.act("stop", job_id)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def retry(job_id: str) -> dict[str, Any]:
	"""Put a failed, stopped or canceled job back into its queue. Managers only, audited."""
	return actions.act("retry", job_id)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def cancel(job_id: str) -> dict[str, Any]:
	"""Take a waiting job out of its queue; it is kept, and can be retried. Managers only, audited."""
	return actions.act("cancel", job_id)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def remove(job_id: str) -> dict[str, Any]:
	"""Delete a waiting or ended job, or a zombie. Managers only, audited."""
	return actions.act("remove", job_id)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=30, seconds=60)
def remove_failed() -> dict[str, Any]:
	"""Delete this site's failed and stopped jobs: `{"done", "skipped", "message"}`. Managers only, audited.

	Overrides Frappe's `remove_failed_jobs`, which acts by GET and tells sites apart by the beginning of their names.
	"""
	return actions.remove_failed()


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def stop_job(job_id: str) -> None:
	"""Overrides Frappe's `stop_job`, which acts by GET. As `stop`, but shows a message where it was not possible."""
	frappe.get_doc("RQ Job", job_id).stop_job()
