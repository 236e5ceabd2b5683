"""`bench job-monitor check` and `watch`: evaluate the alert rules where scheduler, workers and web may all be dead."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click
import frappe

from job_monitor.alerts import engine, store
from job_monitor.bridge.site import release
from job_monitor.cli.display import json_text
from job_monitor.cli.terminal_text import line as plain
from job_monitor.core import clock
from job_monitor.core.durations import duration
from job_monitor.notify.wording import counted, spoken
from job_monitor.recorder import ingest

APP = "job_monitor"
FIRES, UNKNOWN = 1, 2
"""Exit codes."""


@dataclass
class Look:
	"""One look at a site.

	Attributes:
		alerts: Alerts that fire: name, title, severity, began_at, seconds so far, acknowledged_by.
		problem: Why the site could not be asked, "" if it was.
		left_out: Why the site was left out, which is no failure; "" if it was not.
	"""

	site: str
	evaluation: engine.Evaluation | None = None
	alerts: list[dict[str, Any]] = field(default_factory=list)
	problem: str = ""
	left_out: str = ""

	@property
	def exit_code(self) -> int:
		unknown = self.problem or (self.evaluation and self.evaluation.problems)
		return UNKNOWN if unknown else FIRES if self.alerts else 0


@click.group("job-monitor")
def group() -> None:
	"""Commands that need Frappe."""


@group.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def check(sites: Sequence[str], as_json: bool) -> None:
	"""Evaluate the alert rules of all sites once, and print what fires.

	For cron, where neither scheduler nor workers may be alive. Exits with 0 if nothing fires, with 1 if something
	does, with 2 if a site or Redis could not be asked. Sites without Job Monitor are left out, unless they are
	named by --site.

	\b
	*/5 * * * *  cd ~/frappe-bench && bench job-monitor check > /dev/null
	"""
	looks = [_look(site, "check", bool(sites)) for site in _sites(sites)]
	if as_json:
		click.echo(json_text(looks, indent=1))
	else:
		for look in looks:
			click.echo("\n".join(_lines(look)))
	raise SystemExit(max((look.exit_code for look in looks if not look.left_out), default=UNKNOWN))


@group.command("watch")
@click.option(
	"--interval", default=60, show_default=True, type=click.IntRange(5, 3600), help="Seconds between looks."
)
@click.pass_obj
def watch(sites: Sequence[str], interval: int) -> None:
	"""Evaluate the alert rules of all sites again and again; for systemd or supervisor.

	Prints a line whenever the alerts of a site change. Ends with SIGTERM or Ctrl-C.
	"""
	stop = threading.Event()
	for number in (signal.SIGTERM, signal.SIGINT):
		signal.signal(number, lambda *_: stop.set())
	reported: dict[str, Any] = {}
	while not stop.is_set():
		began = time.monotonic()
		for site in _sites(sites):
			look = _look(site, "watch", bool(sites))
			if _summary(look) != reported.get(site):
				reported[site] = _summary(look)
				click.echo(f"{clock.local(clock.now())} " + "\n  ".join(_lines(look)))
			if stop.is_set():
				return
		stop.wait(max(0.0, interval - (time.monotonic() - began)))


def run(arguments: Sequence[str], sites: Sequence[str]) -> None:
	"""Run `check` or `watch` for these sites, or for all if there are none."""
	group.main(args=list(arguments), prog_name="bench job-monitor", obj=sites)


def _sites(sites: Sequence[str]) -> list[str]:
	if sites:
		return list(sites)
	with frappe.init_site():
		return sorted(frappe.utils.get_sites())


@contextmanager
def _site(site: str) -> Iterator[None]:
	frappe.init(site=site)
	try:
		frappe.connect()
		yield
	finally:
		frappe.destroy()


def _look(site: str, by: str, named: bool) -> Look:
	"""Ingest the runs that ended, which the rules count; then evaluate the rules.

	Args:
		by: `check` or `watch`.
		named: Whether the caller named this site, so that it is a problem if it lacks the app.
	"""
	look = Look(site)
	try:
		with _site(site):
			if APP not in frappe.get_installed_apps():
				absent = "Job Monitor is not installed on this site."
				look.problem, look.left_out = (absent, "") if named else ("", absent)
				return look
			if not release.is_migrated():
				look.problem = f"{release.NOT_MIGRATED} {release.how_to_migrate()}"
				return look
			_ingest()
			look.evaluation = engine.evaluate(by)
			look.alerts = _firing()
	except Exception as error:  # a database that is down, a broken configuration
		look.problem = f"{type(error).__name__}: {error}".strip(": ")
	return look


def _firing() -> list[dict[str, Any]]:
	fields = ["name", "title", "severity", "began_at", "acknowledged_by", "moments"]
	rows = frappe.get_all("Job Alert", {"state": "Firing"}, fields, order_by="severity, began_at")
	for row in rows:
		row.began_at = store.moments(row)["began_at"]
		row.seconds = clock.seconds_between(row.began_at, clock.now()) or 0.0
		del row["moments"]
	return rows


def _ingest() -> None:
	try:
		ingest.ingest(seconds=20)
	except Exception as error:  # there are rules for Redis and for the history
		frappe.db.rollback()
		frappe.logger(APP).error(f"runs are not written down: {error}")


def _summary(look: Look) -> Any:
	problems = look.evaluation.problems if look.evaluation else {}
	withheld = look.evaluation.withheld if look.evaluation else ""
	return look.problem or look.left_out, sorted(problems), withheld, [alert["name"] for alert in look.alerts]


def _lines(look: Look) -> Iterator[str]:
	if look.problem:
		yield click.style(f"{look.site}: {look.problem}", fg="red")
		return
	if look.left_out:
		yield click.style(f"{look.site}: left out. {look.left_out}", dim=True)
		return
	number = len(look.alerts)
	text = counted(number, "1 alert fires.", "{0} alerts fire.") if number else "nothing fires."
	yield f"{look.site}: " + click.style(text, fg="red" if number else "green")
	for alert in look.alerts:
		critical = alert["severity"] == "Critical"
		mark = click.style("✗" if critical else "!", fg="red" if critical else "yellow", bold=True)
		age, began_at = spoken(alert["seconds"]), clock.local(alert["began_at"])
		known = f", acknowledged by {alert['acknowledged_by']}" if alert["acknowledged_by"] else ""
		yield f" {mark} {plain(alert['title'])} (since {began_at}, {age}{known})"
	yield from _evaluation_lines(look.evaluation)


def _evaluation_lines(evaluation: engine.Evaluation | None) -> Iterator[str]:
	if evaluation is None:
		return
	for source, text in evaluation.problems.items():
		yield click.style(f" ? {source} could not be asked: {plain(text)}", fg="yellow")
	if evaluation.skipped:
		yield click.style(f" Not looked at now: {evaluation.skipped}.", dim=True)
		return
	if evaluation.withheld:
		yield click.style(
			f" ! Nobody is told: {evaluation.withheld}. Say so in Job Monitor Settings, if it is.",
			fg="yellow",
		)
	rules = counted(evaluation.rules, "1 rule", "{0} rules")
	notices = counted(evaluation.notices, "1 notice sent", "{0} notices sent")
	text = f" {rules} in {duration(evaluation.seconds)}, {notices}"
	if evaluation.undelivered:
		text += f", {evaluation.undelivered} not delivered"
	if evaluation.heartbeat:
		text += f"; heartbeat: {plain(evaluation.heartbeat)}"
	yield click.style(text + ".", dim=True)
