"""`bench doctor`: what is wrong with the bench and with each of its sites. Nothing is enqueued to find out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import frappe
from frappe.query_builder.functions import Count, Max
from frappe.utils import add_to_date, get_bench_path, now_datetime
from frappe.utils.scheduler import is_dormant, is_scheduler_disabled

from job_monitor.bridge import session
from job_monitor.core import health, keys, snapshot
from job_monitor.core.errors import JobMonitorError
from job_monitor.core.records import Finding, Severity, Snapshot, Verdict
from job_monitor.core.sites import waiting_by_site

QUIET_MINUTES = 15
"""A scheduler ticks every minute (Frappe 15) or every four (16): after this long without a run it is gone."""

FAILING_HOURS = 24


@dataclass
class SiteReport:
	"""One site.

	Attributes:
		scheduler: enabled, disabled, paused or maintenance; "" if it could not be asked.
		pending: Waiting jobs, None if Redis could not be asked.
		problem: Why the site could not be asked, "" if it was.
	"""

	site: str
	scheduler: str = ""
	pending: int | None = None
	findings: list[Finding] = field(default_factory=list)
	problem: str = ""


@dataclass
class Report:
	"""The bench.

	Attributes:
		workers: running or not running; "" if Redis could not be asked.
		pending_is_exact: False if there were too many waiting jobs to count all.
		problem: Why Redis could not be asked, "" if it was.
	"""

	sites: list[SiteReport]
	workers: str = ""
	pending_is_exact: bool = True
	findings: list[Finding] = field(default_factory=list)
	problem: str = ""

	@property
	def exit_code(self) -> int:
		"""0 healthy, 1 findings, 2 something could not be asked."""
		if self.problem or any(site.problem for site in self.sites):
			return 2
		return int(bool(self.findings) or any(site.findings for site in self.sites))


def examine(sites: Sequence[str]) -> Report:
	"""Look at the bench once, then at each site. One that is broken hides no other."""
	report = Report([])
	taken: Snapshot | None = None
	pending: dict[str, int] = {}
	with _site(""):
		try:
			store = session.connect()
			taken = snapshot.take(store)
			pending, report.pending_is_exact = waiting_by_site(store)
		except JobMonitorError as error:
			report.problem = str(error)
		else:
			alive = [worker for worker in taken.workers if worker.verdict is not Verdict.DEAD]
			report.workers = "running" if alive else "not running"
			report.findings = [*health.diagnose(taken), *_unserved(taken, session.queue_names())]
	for site in sites:
		report.sites.append(_examine_site(site, None if taken is None else pending.get(site, 0)))
	return report


def _unserved(taken: Snapshot, configured: Sequence[str]) -> Iterator[Finding]:
	"""Configured queues without a worker in which nothing waits yet; `health` tells of the others."""
	served = {
		keys.split_queue(queue)[1]
		for worker in taken.workers
		if worker.verdict is not Verdict.DEAD
		for queue in worker.queues
	}
	waiting = {queue.short_name for queue in taken.queues if queue.counts.get(keys.QUEUED)}
	for name in configured:
		if name not in served | waiting:
			yield Finding(
				"no-worker",
				Severity.WARNING,
				name,
				"No worker serves this queue; nothing waits in it yet.",
				f"Start one: bench worker --queue {name}",
			)


class _site:
	"""A site (or, for "", the bench alone) for the length of a block."""

	def __init__(self, site: str) -> None:
		self.site = site

	def __enter__(self) -> None:
		frappe.init(site=self.site)
		if self.site:
			frappe.connect()

	def __exit__(self, *_exception: object) -> None:
		frappe.destroy()


def _examine_site(site: str, pending: int | None) -> SiteReport:
	report = SiteReport(site, pending=pending)
	try:
		with _site(site):
			report.scheduler = scheduler_state()
			report.findings = [*_scheduler_findings(report.scheduler), *_failing_schedules()]
	except Exception as error:  # a database that is down, a broken configuration: told, and the next site
		report.problem = f"{type(error).__name__}: {error}".strip(": ")
	return report


def scheduler_state() -> str:
	"""enabled, disabled, paused or maintenance."""
	if frappe.local.conf.maintenance_mode:
		return "maintenance"
	if frappe.local.conf.pause_scheduler:
		return "paused"
	return "disabled" if is_scheduler_disabled(verbose=False) else "enabled"


def _scheduler_findings(state: str) -> Iterator[Finding]:
	site = frappe.local.site
	if state != "enabled":
		hint = {
			"disabled": f"bench --site {site} enable-scheduler",
			"paused": f"bench --site {site} scheduler resume",
			"maintenance": f"bench --site {site} set-maintenance-mode off",
		}[state]
		message = f"The scheduler of this site is {state}: no scheduled job runs."
		yield Finding("scheduler-off", Severity.WARNING, site, message, hint)
		return
	if is_dormant():
		message = "The site counts as dormant: its scheduled jobs run once a day."
		yield Finding("scheduler-dormant", Severity.WARNING, site, message, "Log in, or raise dormant_days.")
	last = frappe.db.get_value("Scheduled Job Type", {"stopped": 0}, "max(last_execution)")
	if last and last > add_to_date(now_datetime(), minutes=-QUIET_MINUTES):
		return
	if process_holds(Path(get_bench_path(), "config", "scheduler_process")) is not False:
		return
	since = f"no scheduled job has started since {last:%Y-%m-%d %H:%M}" if last else "none ever started one"
	message = f"No scheduler process runs on this host, and {since}."
	yield Finding("scheduler-absent", Severity.CRITICAL, site, message, "Start it: bench schedule")


def process_holds(lock: Path) -> bool | None:
	"""Whether some process holds a file's lock; None where the system does not tell.

	Frappe's scheduler locks `config/scheduler_process` while it lives (`utils/scheduler.py`). Trying the lock
	would make a scheduler that starts in that moment give up, so the kernel's list is read instead.
	"""
	try:
		held = Path("/proc/locks").read_text()
		inode = os.stat(lock).st_ino if lock.exists() else -1
	except OSError:
		return None
	return any(f":{inode} " in line for line in held.splitlines())


def _failing_schedules() -> Iterator[Finding]:
	"""Schedules whose last run failed, of those that failed lately."""
	since = add_to_date(now_datetime(), hours=-FAILING_HOURS)
	log, schedule = frappe.qb.DocType("Scheduled Job Log"), frappe.qb.DocType("Scheduled Job Type")
	failed = (
		frappe.qb.from_(log)
		.inner_join(schedule)
		.on(schedule.name == log.scheduled_job_type)
		.select(
			log.scheduled_job_type, schedule.method, Max(log.creation).as_("at"), Count(log.name).as_("times")
		)
		.where(log.status.isin(("Failed", "Killed")) & (log.creation > since))
		.groupby(log.scheduled_job_type, schedule.method)
		.orderby(schedule.method)
		.run(as_dict=True)
	)
	for row in failed:
		newer = {"scheduled_job_type": row.scheduled_job_type, "creation": [">", row["at"]]}
		if not frappe.db.exists("Scheduled Job Log", {**newer, "status": "Complete"}):
			yield _failing(row)


def _failing(row: Any) -> Finding:
	at: datetime = row["at"]
	times = "once" if row.times == 1 else f"{row.times} times"
	message = (
		f"{row.method} failed {times} in {FAILING_HOURS} h, last at {at:%H:%M}, and has not succeeded since."
	)
	hint = "Open Scheduled Job Log for its traceback."
	return Finding("failing-schedule", Severity.WARNING, row.scheduled_job_type, message, hint)
