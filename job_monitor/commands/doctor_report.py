"""Prints the examination of `bridge.doctor`, in the form of the monitoring reference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click
import frappe

from job_monitor.bridge.doctor import Examination, SiteReport, examine
from job_monitor.cli import terminal_text
from job_monitor.core.findings import Finding, Severity


def run(sites: Sequence[str], as_json: bool) -> int:
	"""Examine these sites, or all, and print the report. Returns the exit code."""
	if not sites:
		with frappe.init_site():
			sites = frappe.utils.get_sites()
	report = examine(sorted(sites))
	if as_json:
		click.echo(json.dumps({"healthy": report.exit_code == 0, **asdict(report)}, indent=1, default=str))
	else:
		click.echo("\n".join(_lines(report)))
	return report.exit_code


def legacy(sites: Sequence[str]) -> int:
	"""Print Frappe's own report. Returns the exit code."""
	from frappe.utils.doctor import doctor

	doctor(site=sites[0] if sites else None)
	return 0


def _lines(report: Examination) -> Iterator[str]:
	for site in report.sites:
		yield f"Scheduler Status for {site.site}"
		if site.problem:
			yield click.style(f"   Could not be asked: {terminal_text.line(site.problem)}", fg="red")
		else:
			yield f"   Scheduler is: {_coloured(site.scheduler, 'enabled')}"
		if not report.problem:
			yield f"   Workers are: {_coloured(report.workers, 'running')}"
			yield f"   Pending tasks: {_pending(report, site)}"
		yield from map(_finding, site.findings)
		yield ""
	if report.problem:
		yield click.style(terminal_text.line(report.problem), fg="red")
	for finding in report.findings:
		yield _finding(finding)
	if report.exit_code == 0:
		yield click.style("Nothing is wrong.", fg="green")


def _pending(report: Examination, site: SiteReport) -> str:
	return f"{site.pending or 0}{'' if report.pending_is_exact else ' or more (too many to count)'}"


def _coloured(word: str, expected: str) -> str:
	return click.style(word, fg="green" if word == expected else "red")


def _finding(finding: Finding) -> str:
	critical = finding.severity is Severity.CRITICAL
	mark = click.style("✗" if critical else "!", fg="red" if critical else "yellow", bold=True)
	hint = click.style(f"\n     {terminal_text.line(finding.hint)}", dim=True) if finding.hint else ""
	return f" {mark} {terminal_text.line(finding.subject)}: {terminal_text.line(finding.message)}{hint}"
