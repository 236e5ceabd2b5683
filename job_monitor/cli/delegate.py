"""The commands `check` and `watch`: they need the sites' databases, so the bench's own Python runs them, with Frappe."""

from __future__ import annotations

import os
from pathlib import Path

import click

from job_monitor.cli.source import Source
from job_monitor.core.errors import ConfigError

PYTHON = Path("env", "bin", "python")


def _delegated(command: str, help: str) -> click.Command:
	@click.command(
		command,
		help=help,
		context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
	)
	@click.option("--site", metavar="SITE", help="This site only.")
	@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
	@click.pass_obj
	def pass_on(source: Source, site: str | None, arguments: tuple[str, ...]) -> None:
		bench = source.bench()
		python = bench.path / PYTHON
		if not python.exists():
			raise ConfigError(
				f"{python} does not exist; run `bench job-monitor {command}` where the bench is"
			)
		frappe = [str(python), "-m", "frappe.utils.bench_helper", "frappe"]
		options = ["--site", site] if site else []
		os.chdir(bench.path / "sites")
		os.execv(python, [*frappe, *options, "job-monitor", command, *arguments])

	return pass_on


check = _delegated(
	"check",
	"""Evaluate the alert rules of all sites once, and print what fires; for cron.

	It needs the bench and its database. Exits with 0 if nothing fires, with 1 if something does, with 2 if a site
	or Redis could not be asked. A site without Job Monitor is left out, unless it is named by --site. With --json it
	prints JSON for programs.

	\b
	job-monitor check
	job-monitor check --site erp.example.com --json
	*/5 * * * *  cd ~/frappe-bench && job-monitor check > /dev/null
	""",
)
watch = _delegated(
	"watch",
	"""Evaluate the alert rules of all sites again and again; for systemd or supervisor.

	It needs the bench and its database. --interval SECONDS (5 to 3600, 60 if none is given) is the time between
	evaluations. Prints a line whenever the alerts of a site change; ends with SIGTERM or Ctrl-C.

	\b
	job-monitor watch --interval 30
	""",
)
