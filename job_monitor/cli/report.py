"""`job-monitor report`: prints Frappe's monitor log by method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from job_monitor.cli import display
from job_monitor.cli.source import console
from job_monitor.core import clock
from job_monitor.core.durations import duration
from job_monitor.core.errors import NoLog
from job_monitor.core.monitor_log import reader
from job_monitor.core.monitor_log.monitor_report import MonitorFilters, MonitorReport
from job_monitor.core.rq.connection import Bench

METHODS = 30
"""Methods shown: those that took the longest in all."""


def run(bench: Bench, filters: MonitorFilters, as_json: bool) -> None:
	"""Print the report of a bench's monitor log.

	Raises:
		NoLog: There is no log; the message says how to turn it on.
	"""
	paths = reader.files(bench.path / "logs")
	if not paths:
		raise NoLog(missing(bench))
	report = _read(paths, filters)
	if as_json:
		click.echo(display.json_text(report, indent=1))
	else:
		console().print(view(report))


def missing(bench: Bench) -> str:
	"""Why there is no log, and what to do."""
	# One site may have the monitor on while the others have not
	if bench.config.get("monitor") or any(map(_is_on, (bench.path / "sites").glob("*/site_config.json"))):
		return (
			"the monitor is on, its log is not there yet: it is written by a scheduled job, every few minutes"
		)
	return f"the monitor is off; turn it on with `{reader.TURN_ON}` and restart the bench"


def _is_on(path: Path) -> bool:
	try:
		config = json.loads(path.read_text(encoding="utf-8"))
	except (OSError, ValueError):
		return False
	return isinstance(config, dict) and bool(config.get("monitor"))


def _read(paths: list[Path], filters: MonitorFilters) -> MonitorReport:
	terminal = Console(stderr=True)
	columns = (TextColumn("Reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
	with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
		task = bar.add_task("Reading", total=None)
		return reader.read(
			paths, filters, progress=lambda done, total: bar.update(task, completed=done, total=total)
		)


def view(report: MonitorReport) -> RenderableType:
	"""The report: methods, slowest runs, and how much of the log was read."""
	parts: list[RenderableType] = []
	if not report.jobs:
		parts.append(Text("No job matches.", style="dim"))
	else:
		parts += [_methods(report), Text("Slowest runs", style="bold"), _slowest(report)]
	parts.append(Text(read_so_far(report), style="dim"))
	if report.problem:
		parts.append(display.words(report.problem, "bright_red"))
	return Group(*parts)


def read_so_far(report: MonitorReport) -> str:
	"""A sentence that says how many jobs the log has, and which lines were left out."""
	left_out = [
		f"{number:,} {what}"
		for number, what in (
			(report.duplicates, "written twice"),
			(report.broken, "broken"),
			(report.requests, "requests"),
			(report.other, "of other kinds"),
		)
		if number
	]
	return f"{report.jobs:,} jobs of {report.lines:,} lines; left out: {', '.join(left_out) or 'nothing'}."


def _methods(report: MonitorReport) -> RenderableType:
	right: dict[str, Any] = {"justify": "right", "no_wrap": True}
	names = ("Runs", "Errors", "Time", "Share", "p50", "p95", "p99", "Wait p50", "p95")
	line = {"no_wrap": True, "overflow": "ellipsis"}
	table = display.table(("Method", line), *[(name, right) for name in names])
	for m in report.methods[:METHODS]:
		times = (m.p50, m.p95, m.p99, m.wait_p50, m.wait_p95)
		row: list[RenderableType] = [
			display.Tail(m.method),
			f"{m.count:,}",
			display.count(m.errors, "bright_red"),
			duration(m.total),
		]
		display.add_row(table, [*row, f"{m.share:.1%}", *map(duration, times)])
	return table


def _at(text: str) -> str:
	moment = clock.parse(text)  # in UTC
	return clock.local(moment) if moment else text


def _slowest(report: MonitorReport) -> RenderableType:
	table = display.table(("Took", {"justify": "right"}), "Method", "Site", "At", "Job ID")
	for run in report.slowest[:10]:
		display.add_row(table, [duration(run.duration), run.method, run.site, _at(run.at), run.job_id])
	return table
