"""Measures what the app's run a minute takes of a worker on a site where nothing happens, beyond a job that does nothing.

Called by `scripts/benchmark --site SITE sweep`. Needs the bench's queue `short` for itself. Processor time is the
work-horse's whole, from fork to exit, as the kernel tells the worker that waits for it.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import frappe
from benchmark_workers import HORSES, start

ROUNDS = 15
EMPTY, SWEEP = "job_monitor.tests.support.jobs.succeed", "job_monitor.tasks.sweep"


def measure_sweep(options: Any) -> None:
	from job_monitor.bridge.site import release
	from job_monitor.recorder import ingest

	if not release.is_migrated():
		raise SystemExit(release.NOT_MIGRATED)
	ingest.ingest()
	worker = start("horses")
	try:
		with _punctual(), _scheduled(EMPTY) as empty:
			arms = {
				"an empty job": ("", _job(EMPTY)),
				"the sweep": ("scheduler", _job(SWEEP)),
				"the sweep, while watch runs": ("watch", _job(SWEEP)),
				"an empty scheduled job": ("", empty),
				"the sweep, scheduled": ("scheduler", _schedule_of(SWEEP)),
				"the sweep, scheduled, while watch runs": ("watch", _schedule_of(SWEEP)),
			}
			times = _times(arms)
		_print(times)
	finally:
		worker.kill()


def _times(arms: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
	"""Seconds, and seconds of processor time, of each arm's work-horses, which are run in turn."""
	times: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
	for _round in range(ROUNDS + 2):
		for name, (by, call) in arms.items():
			_prepare(by)
			times[name].append(_run(call))
	return {name: runs[2:] for name, runs in times.items()}


def _print(times: dict[str, list[tuple[float, float]]]) -> None:
	frappe.db.rollback()
	firing = frappe.get_all("Job Alert", {"state": ["!=", "Resolved"]}, pluck="title")
	print(f"  Open alerts, which each sweep writes to: {', '.join(firing) or 'none'}")
	for name, runs in times.items():
		wall, used = (statistics.median(values) * 1000 for values in zip(*runs, strict=True))
		empty = times["an empty scheduled job" if "scheduled" in name else "an empty job"]
		beyond = [(mine[1] - other[1]) * 1000 for mine, other in zip(runs, empty, strict=True)]
		print(
			f"  {name}: {wall:.0f} ms, {used:.0f} ms of processor time,"
			f" {statistics.median(beyond):+.0f} ms beyond an empty one"
		)


def _job(method: str) -> tuple[str, dict[str, Any]]:
	return method, {}


def _schedule_of(method: str) -> tuple[str, dict[str, Any]]:
	"""As Frappe enqueues it."""
	name = frappe.db.get_value("Scheduled Job Type", {"method": method})
	arguments = {"job_type": method}
	if not frappe.__version__.startswith("15."):
		arguments["scheduled_job_type"] = name
	return "frappe.core.doctype.scheduled_job_type.scheduled_job_type.run_scheduled_job", arguments


@contextmanager
def _scheduled(method: str) -> Iterator[tuple[str, dict[str, Any]]]:
	"""A schedule like the sweep's, for a while. The site's scheduler has no time to start it by itself."""
	values = {"method": method, "frequency": "Yearly", "create_log": 0}
	row = frappe.get_doc({"doctype": "Scheduled Job Type", **values}).insert(ignore_permissions=True)
	frappe.db.set_value(row.doctype, row.name, "create_log", 0)
	frappe.db.commit()
	try:
		yield _schedule_of(method)
	finally:
		frappe.delete_doc(row.doctype, row.name, force=True)
		frappe.db.commit()


@contextmanager
def _punctual() -> Iterator[None]:
	"""No scheduler runs beside a benchmark, so that every schedule would be missed: they are as they were afterwards."""
	before = frappe.db.sql("select name, last_execution from `tabScheduled Job Type`")
	try:
		yield
	finally:
		for name, moment in before:
			frappe.db.set_value("Scheduled Job Type", name, "last_execution", moment, update_modified=False)
		frappe.db.commit()


def _prepare(by: str) -> None:
	from job_monitor.alerts import engine
	from job_monitor.bridge.site import state
	from job_monitor.core import clock

	frappe.db.rollback()
	frappe.db.sql("update `tabScheduled Job Type` set last_execution = %s", frappe.utils.now_datetime())
	if by:
		state.put(engine.STATE, json.dumps({**engine.last(), "at": clock.now(), "by": by}, default=str))
	frappe.db.commit()


def _run(call: tuple[str, dict[str, Any]]) -> tuple[float, float]:
	from frappe.utils.background_jobs import create_job_id, execute_job, get_queue

	method, arguments = call
	target = get_queue("short")
	target.connection.delete(HORSES)
	known = {"site": frappe.local.site, "user": "Administrator", "method": method, "event": None}
	known |= {"job_name": method, "is_async": True, "kwargs": arguments}
	target.enqueue_call(
		execute_job, kwargs=known, job_id=create_job_id(frappe.generate_hash()), timeout=300, result_ttl=5
	)
	_key, answer = target.connection.blpop(HORSES, 60)
	wall, used = json.loads(answer)
	return wall, used
