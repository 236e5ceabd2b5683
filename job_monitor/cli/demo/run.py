"""Runs the demo: on a terminal `job-monitor top`, elsewhere what it would show, printed once."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from job_monitor.cli import top
from job_monitor.cli.demo import jobs
from job_monitor.cli.demo.redis_server import redis_server
from job_monitor.cli.demo.stage import STAFF, Stage
from job_monitor.cli.main import main as job_monitor
from job_monitor.core.errors import JobMonitorError


def show(stage: Stage) -> None:
	"""Print once what a terminal would show live."""
	os.environ.setdefault("COLUMNS", "120")  # a log is wider than the 80 columns assumed for no terminal
	console = Console(highlight=False)
	chosen = [job.id for job in stage.failed() if job.method == "erpnext.accounts.close_ledger"]
	commands = [["doctor"], ["queues"], ["workers"], ["jobs", "--status", "failed", "--limit", "8"]]
	for command in commands + [["job", job_id] for job_id in chosen]:
		console.print(f"\n[bold]$ job-monitor {' '.join(command)}[/bold]")
		# The same command as on a bench; its exit code says that something is wrong, which is the point
		job_monitor(["--redis", stage.url, *command], standalone_mode=False)


def _leave(signum: int, frame: object) -> None:
	"""End the demo; a second Ctrl-C must not interrupt the cleaning up."""
	for number in _SIGNALS:
		signal.signal(number, signal.SIG_IGN)
	raise SystemExit(128 + signum)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
	"""Run the demo until the live view is left, or until all is printed.

	Raises:
		JobMonitorError: There is no Redis server, or it or a worker did not start.
	"""
	for number in _SIGNALS:
		signal.signal(number, _leave)
	jobs.allow_frappe_ids()
	live = sys.stdout.isatty() and sys.stdin.isatty() and not Console().is_dumb_terminal
	with ExitStack() as stack:
		folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="job-monitor-demo-"))
		stage = Stage(stack.enter_context(redis_server(folder)), Path(folder))
		stack.callback(stage.end)
		print("Starting a private Redis, workers and jobs …", file=sys.stderr, flush=True)
		stage.lose_a_worker()
		for queues in STAFF:
			stage.start_worker(*queues)
		stage.open()
		stage.wait(stage.ready)
		if live:
			stack.enter_context(stage.daily_business())
			top.Top(stage.client, 1.0).run()
		else:
			show(stage)
	print("\nThe demo is over; nothing of it is left. On a bench: job-monitor top")


def run() -> None:
	"""Run the demo, as a command: an error is a line on stderr and exit code 1."""
	try:
		main()
	except JobMonitorError as error:
		sys.exit(f"demo: {error}")
