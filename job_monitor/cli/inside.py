"""`check` and `watch`: they need the sites' databases, so the bench's own Python, with Frappe, takes over."""

from __future__ import annotations

import os
from pathlib import Path

import click

from job_monitor.cli.source import Source
from job_monitor.core.errors import ConfigError

PYTHON = Path("env", "bin", "python")


def _take_over(command: str) -> click.Command:
	@click.command(
		command,
		add_help_option=False,
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
		which = ["--site", site] if site else []
		os.chdir(bench.path / "sites")
		os.execv(python, [*frappe, *which, "job-monitor", command, *arguments])

	return pass_on


check = _take_over("check")
check.help = "Look at the alert rules of all sites once, and tell; for cron. See `check --help`."
watch = _take_over("watch")
watch.help = "Look at them again and again, and tell; for systemd. See `watch --help`."
