"""`bench doctor` and `bench job-monitor`. Each call of bench imports this module, so nothing heavy is imported at its top."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from frappe.commands import pass_context

from job_monitor import background_jobs_patch

background_jobs_patch.install()

if {"worker", "worker-pool"} & set(sys.argv):
	# A worker forks for each job, and its work-horses need not import what it has imported. But each worker keeps it in
	# memory, so these modules import neither Frappe's documents (6 MB on 15) nor those that send messages (12 MB):
	# `test_memory_usage` of Frappe allows 2 MB
	from job_monitor import job_hooks, tasks  # noqa: F401


@click.command("doctor")
@click.option("--site", "site", metavar="SITE", help="This site only; as bench --site SITE doctor.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--legacy", is_flag=True, help="Frappe's own output.")
@pass_context
def doctor(context: Any, site: str | None, as_json: bool, legacy: bool) -> None:
	"""Is everything well with schedulers, workers and queues?

	For every site, or those of bench --site: the state of its scheduler, whether workers run, how many jobs
	wait; then what is wrong, in words. Exits with 0 if nothing is, with 1 if something is, with 2 if a site or
	Redis could not be asked.

	\b
	bench doctor
	bench --site mysite.local doctor
	*/5 * * * *  cd ~/frappe-bench && bench doctor > /dev/null || mail-the-team
	"""
	from job_monitor.commands import doctor_report

	sites = [site] if site else list(context.sites or ())
	if legacy:
		raise SystemExit(doctor_report.legacy(sites))
	raise SystemExit(doctor_report.run(sites if site or _is_site_named() else [], as_json))


def _is_site_named() -> bool:
	"""Whether the caller names a site. The bench's `default_site`, which bench puts in, is no such name."""
	group = click.get_current_context().parent
	site = (group and group.params.get("site")) or os.environ.get("FRAPPE_SITE")
	return bool(site) and site != "all"


@click.command(
	"job-monitor",
	add_help_option=False,
	context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_context
def job_monitor(context: Any, arguments: tuple[str, ...]) -> None:
	"""The job-monitor command, for this bench: queues, workers, jobs, doctor, top, report, logs, check, watch."""
	sites = list(context.sites or ())
	if arguments[:1] in (("check",), ("watch",)):
		from job_monitor.commands import alert_watch

		return alert_watch.run(arguments, sites if _is_site_named() else [])
	from job_monitor.cli.main import main

	if len(sites) == 1:
		os.environ.setdefault("JOB_MONITOR_SITE", sites[0])
	main(args=list(arguments), prog_name="bench job-monitor")


commands = [doctor, job_monitor]
