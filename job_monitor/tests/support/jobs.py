"""Jobs that tests enqueue, and their status."""

from __future__ import annotations

import time
from typing import Any

import frappe
from frappe.utils.background_jobs import get_redis_conn
from rq.job import Job


def succeed(**kwargs: Any) -> str:
	return "done"


def fail(**kwargs: Any) -> None:
	raise ValueError(f"no such invoice, password=hunter2 {kwargs.get('note', '')}")


def hang(seconds: float = 120, **kwargs: Any) -> None:
	time.sleep(seconds)


def loop_with_progress(items: int = 400, seconds: float = 0.04, fails: bool = False, **kwargs: Any) -> None:
	from job_monitor.progress.progress import track

	for number in track(range(items), title="Import of items", description="items.csv"):
		time.sleep(seconds)
		if fails and number == 20:
			raise ValueError("row 20: no such item, password=hunter2")


def status(job_id: str) -> str:
	return (get_redis_conn().hget(f"rq:job:{job_id}", "status") or b"").decode()


def delete_jobs(ids: list[str]) -> None:
	connection = get_redis_conn()
	while ids:
		job_id = ids.pop()
		if Job.exists(job_id, connection=connection):
			Job.fetch(job_id, connection=connection).delete()


def make_examples() -> None:
	"""Jobs of each kind, to see in Desk: `bench --site S execute job_monitor.tests.support.jobs.make_examples`."""
	for _n in range(6):
		frappe.enqueue("frappe.utils.global_search.sync_global_search", queue="short")
	frappe.enqueue("frappe.email.queue.flush", queue="default")
	frappe.enqueue("frappe.utils.get_datetime", queue="default", datetime_str="31/31/2026")
	frappe.enqueue(
		"job_monitor.tests.support.jobs.fail", queue="default", invoice="SINV-0042", api_key="abcdef"
	)
	frappe.enqueue(
		"job_monitor.tests.support.jobs.hang", queue="default", seconds=900, customer="ACME", password="x"
	)
	for number in range(6):
		frappe.enqueue(
			"frappe.core.doctype.prepared_report.prepared_report.generate_report",
			queue="long",
			prepared_report=f"PR-{number:04}",
		)
	for method in ("frappe.email.queue.flush", "frappe.oauth.delete_oauth2_data", "frappe.monitor.flush"):
		for name in frappe.get_all("Scheduled Job Type", {"method": method}, pluck="name"):
			frappe.get_doc("Scheduled Job Type", name).execute()


def enqueue_examples_of_progress() -> None:
	"""Two jobs with progress, of which the second fails."""
	for fails in (False, True):
		frappe.enqueue("job_monitor.tests.support.jobs.loop_with_progress", queue="short", fails=fails)
