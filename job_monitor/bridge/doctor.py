"""`bench doctor`: findings of the bench and of each of its sites. No test job is enqueued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import frappe
from rq.timeouts import BaseTimeoutException

from job_monitor.bridge import context
from job_monitor.bridge.history import recorder_progress
from job_monitor.bridge.schedules import schedule_health, scheduler
from job_monitor.bridge.site import live_site, release
from job_monitor.bridge.timezones import to_site
from job_monitor.core.errors import JobMonitorError
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.messages import finding
from job_monitor.core.rq import diagnosis, snapshot
from job_monitor.core.rq.counts import waiting_by_site
from job_monitor.core.rq.records import Snapshot
from job_monitor.core.schedules import findings as schedule_findings
from job_monitor.core.schedules.messages import of_scheduler
from job_monitor.core.wording import say

APP = "job_monitor"


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
class Examination:
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


def examine(sites: Sequence[str]) -> Examination:
	"""Examine the bench, then each site. A site that cannot be examined does not keep others from it."""
	report = Examination([])
	seen: Snapshot | None = None
	pending: dict[str, int] = {}
	with _site(""):
		try:
			client = context.client()
			seen = snapshot.take(client)
			pending, report.pending_is_exact = waiting_by_site(client)
		except JobMonitorError as error:
			report.problem = str(error)
		else:
			report.workers = "running" if seen.living else "not running"
			report.findings = diagnosis.diagnose(seen)
	for site in sites:
		report.sites.append(_examine_site(site, None if seen is None else pending.get(site, 0)))
	return report


class _site:
	"""A block in a site's context; in the bench's alone for ""."""

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
			report.scheduler = scheduler.switch()
			report.findings = list(site_findings(site, has_redis=pending is not None))
	except BaseTimeoutException:
		raise
	except Exception as error:  # a database that is down, a broken configuration
		report.problem = f"{type(error).__name__}: {error}".strip(": ")
	return report


def site_findings(site: str, has_redis: bool) -> Iterator[Finding]:
	"""Findings of a site's scheduler, monitor and schedules. Without Redis, those that the database alone can show."""
	if has_redis:
		healths = schedule_health.read()
		found = scheduler.health(healths)
	else:
		healths, found = [], scheduler.switched()
	if not found.runs:
		yield _scheduler_finding(site, found)
	if APP in frappe.get_installed_apps():
		yield from _of_monitor(site)
	# An absent scheduler misses all schedules that are due: that is one finding
	shown = [
		health
		for health in healths
		if found.runs or health.state != "missed" or schedule_findings.is_ahead(health)
	]
	yield from schedule_findings.findings(shown)


def _of_monitor(site: str) -> Iterator[Finding]:
	if not release.is_migrated():
		hint = release.how_to_migrate()
		yield Finding("unmigrated-site", Severity.WARNING, site, release.NOT_MIGRATED, hint)
		return
	if place := live_site.unconfirmed():
		places = {name: place[name] for name in ("here", "live")}
		yield finding("unconfirmed-site", Severity.WARNING, site, **places)
	if lost := recorder_progress.lost_runs():
		runs, at = lost
		last_at = f"{to_site(at):%Y-%m-%d %H:%M}"
		yield finding("lost-runs", Severity.WARNING, site, runs=runs, last_at=last_at)


def _scheduler_finding(site: str, found: scheduler.SchedulerHealth) -> Finding:
	message, _hint = of_scheduler(found.state, site)
	absent = found.state == "absent"
	code, severity = f"scheduler-{found.state}", Severity.CRITICAL if absent else Severity.WARNING
	return Finding(code, severity, site, say("{0}.", message), found.detail, {"state": found.state})
