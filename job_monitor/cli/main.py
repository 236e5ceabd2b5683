"""The `job-monitor` command: parses its options, asks `core`, prints the answer."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import click

from job_monitor import __version__
from job_monitor.cli import delegate, display, logs, remove, render
from job_monitor.cli.group import EXIT_FOUND, Group
from job_monitor.cli.source import Age, Name, Seconds, Source, console, json_option, show
from job_monitor.core import clock, limits
from job_monitor.core.acts import stack
from job_monitor.core.errors import JobNotFound, NoTerminal, StackUnavailable, WorkerNotFound
from job_monitor.core.findings import Severity
from job_monitor.core.rq import diagnosis, keys, workers
from job_monitor.core.rq.jobs import read_job, read_rows
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import STATUSES, JobQuery
from job_monitor.core.rq.queues import read_queues
from job_monitor.core.rq.search import search
from job_monitor.core.rq.snapshot import take as take_snapshot


@click.group(
	cls=Group,
	context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
	epilog="Exit codes: 0 fine, 1 something is wrong (or no such job), 2 could not ask. "
	"Times are those of the terminal, with their distance to UTC; with --json they are in UTC. "
	'Shell completion: eval "$(_JOB_MONITOR_COMPLETE=bash_source job-monitor)" (or zsh_source, fish_source).',
)
@click.version_option(__version__, prog_name="job-monitor")
@click.option(
	"--redis",
	"redis_url",
	envvar="JOB_MONITOR_REDIS",
	metavar="URL",
	show_envvar=True,
	help="redis://, rediss:// or unix:// URL.",
)
@click.option(
	"--bench",
	"bench_path",
	type=click.Path(exists=True, file_okay=False, path_type=Path),
	help="Bench folder, if not the one you are in.",
)
@click.option("--all-benches", is_flag=True, help="Every bench on that Redis, not only this one.")
@click.option("--redact", multiple=True, metavar="WORD", help="Mask arguments whose name has this word, too.")
@click.pass_context
def main(
	ctx: click.Context,
	redis_url: str | None,
	bench_path: Path | None,
	all_benches: bool,
	redact: tuple[str, ...],
) -> None:
	"""See what a Frappe bench's background workers do, and what is stuck.

	\b
	job-monitor top                          live view
	job-monitor doctor                       what is wrong, in words; exit code for cron and probes
	job-monitor jobs --status failed         newest failures
	job-monitor jobs --method invoice --since 2h --search ACME
	job-monitor --redis redis://localhost:11000 queues --json
	"""
	if isinstance(sys.stdout, io.TextIOWrapper):  # a character that the terminal cannot show is replaced
		sys.stdout.reconfigure(errors="replace")
	ctx.obj = Source(redis_url, bench_path, all_benches, redact)


@main.command()
@json_option
@click.pass_obj
def queues(source: Source, as_json: bool) -> None:
	"""Queues with their jobs by status, and how long the oldest one waits."""
	found = read_queues(source.open())
	show(as_json, found, render.queues_table(found, clock.now()))


@main.command("workers")
@json_option
@click.pass_obj
def workers_command(source: Source, as_json: bool) -> None:
	"""Workers: alive, late or dead, and what they run."""
	client = source.open()
	found = workers.read_all(client)
	current = {
		job.id: job for job in read_rows(client, [("", w.current_job_id) for w in found if w.current_job_id])
	}
	width = console().width
	shape = {"compact": width < render.WORKERS_WIDTH, "whole": width == display.UNBOUNDED}
	show(as_json, found, render.workers_table(found, current, clock.now(), **shape))


@main.command()
@click.option(
	"--queue", "queue_names", multiple=True, metavar="NAME", help="short, default, long, or any other."
)
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="May be given more than once.")
@click.option(
	"--site", default="", envvar="JOB_MONITOR_SITE", show_envvar=True, help="Whole name of the site."
)
@click.option("--method", default="", help="Part of the method's dotted path.")
@click.option("--search", "text", default="", help="Part of arguments, traceback, id or method.")
@click.option(
	"--since",
	type=Age(),
	help="Created since: 30m, 2h, 1d, or 2026-01-31T10:00 (of this terminal; or with +05:30, Z).",
)
@click.option("--limit", default=20, show_default=True, help=f"Rows, at most {limits.PAGE_ROWS}.")
@click.option("--offset", default=0, help="Rows to skip (without filters that search).")
@click.option(
	"--seconds",
	type=Seconds(),
	default=3.0,
	show_default=True,
	help=f"Time a search may take, at most {limits.SEARCH_MAX_SECONDS:.0f}.",
)
@click.option("--cursor", default="", help="Go on with a search that ran out of time.")
@json_option
@click.pass_obj
def jobs(source: Source, /, as_json: bool, seconds: float, cursor: str, **filters: Any) -> None:
	"""Jobs, newest first.

	Arguments are shown and searched with secrets masked. A list shows the beginning of payloads over 64 kB; a search
	for a text looks through payloads of up to 4 MB and says how many were larger. Where it ran out of time it says
	how far it came, and where to go on. Off a terminal nothing is cut or wrapped.

	\b
	job-monitor jobs --status failed --queue long
	job-monitor jobs --site erp.example.com --method sales_invoice --since 1d
	job-monitor jobs --search "SINV-0042" --seconds 10
	"""
	query = JobQuery(
		queues=filters["queue_names"],
		statuses=filters["status"],
		site=filters["site"],
		method=filters["method"],
		text=filters["text"],
		created_after=filters["since"],
		limit=filters["limit"],
		offset=filters["offset"],
	)
	client = source.open()
	if query.needs_scan or cursor:
		result = search(client, query, seconds, cursor)
		show(as_json, result, render.search_view(result, clock.now()))
	else:
		page = read_page(client, query)
		show(as_json, page, render.page_view(page, query, clock.now()))


@main.command()
@click.argument("job_id", metavar="ID", type=Name())
@json_option
@click.pass_obj
def job(source: Source, job_id: str, as_json: bool) -> None:
	"""One job in full: arguments, traceback, times, worker.

	Payloads of up to 16 MB are decoded, and 100,000 characters of arguments and traceback shown.
	"""
	found = read_job(source.open(), job_id)
	show(as_json, found, render.job_view(found, clock.now()))


@main.command("report")
@click.option(
	"--site", default="", envvar="JOB_MONITOR_SITE", show_envvar=True, help="Whole name of the site."
)
@click.option("--queue", default="", help="Queue; known for jobs that ran with job_monitor installed.")
@click.option("--method", default="", help="Part of the method's dotted path.")
@click.option(
	"--since",
	type=Age(),
	help="From then on: 2h, 1d, or 2026-01-31T10:00 (of this terminal; or with +05:30, Z).",
)
@click.option("--until", type=Age(), help="Until then, likewise.")
@json_option
@click.pass_obj
def report_command(source: Source, /, as_json: bool, **filters: Any) -> None:
	"""Where the workers' time goes: logs/monitor.json.log by method, and its slowest runs.

	\b
	job-monitor report --since 1d
	job-monitor report --site erp.example.com --method sales_invoice --json
	"""
	from job_monitor.cli import report
	from job_monitor.core.monitor_log.monitor_report import MonitorFilters

	report.run(source.bench(), MonitorFilters(**filters), as_json)


main.add_command(remove.remove)
main.add_command(logs.logs)
main.add_command(delegate.check)
main.add_command(delegate.watch)


@main.command("stack")
@click.argument("name", metavar="WORKER|JOB", type=Name())
@json_option
@click.pass_obj
def stack_command(source: Source, name: str, as_json: bool) -> None:
	"""What a worker does right now: the stack of the process that runs its job.

	By the worker's name, or the id of a job that runs. On the worker's own host, as its user. With py-spy if it is
	installed, otherwise with SIGUSR1.
	"""
	client = source.open()
	try:
		worker = workers.read_one(client, name)
	except WorkerNotFound:
		try:
			job = read_job(client, name)
		except JobNotFound:
			raise StackUnavailable(f"no worker and no job on this Redis is called {name}") from None
		if not job.worker or job.status != keys.STARTED:
			raise StackUnavailable(f"job {name} does not run; it is {job.status}") from None
		worker = workers.read_one(client, job.worker)
	result = stack.take(worker)
	show(as_json, result, display.words(result.text))


@main.command()
@click.option(
	"--zombie-seconds",
	type=Seconds(zero=True),
	default=2.0,
	show_default=True,
	help="Time for the hunt for zombies; 0 skips it.",
)
@click.option("--critical", "only_critical", is_flag=True, help="Exit 1 for critical findings only.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, zombie_seconds: float, only_critical: bool, as_json: bool) -> None:
	"""What is wrong, in words. Exits with 1 if something is, with 2 if Redis could not be asked.

	\b
	*/5 * * * *  cd ~/frappe-bench && job-monitor doctor --critical || mail-the-team
	"""
	snapshot = take_snapshot(ctx.obj.open(), zombie_seconds)
	findings = diagnosis.diagnose(snapshot)
	report = {"healthy": not findings, "findings": findings, "snapshot": snapshot}
	show(as_json, report, render.doctor_view(snapshot, findings))
	bad = [f for f in findings if f.severity is Severity.CRITICAL] if only_critical else findings
	ctx.exit(EXIT_FOUND if bad else 0)


@main.command("top")
@click.option("--interval", default=2.0, show_default=True, type=Seconds(0.2, 3600), help="Seconds.")
@json_option
@click.pass_obj
def top_command(source: Source, interval: float, as_json: bool) -> None:
	"""Live full-screen view. Press ? in it for its keys.

	With --json, one line of JSON at each interval instead.
	"""
	from job_monitor.cli import top

	client = source.open()
	if as_json:
		top.stream(client, interval)
	elif (
		not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout))
		or console().is_dumb_terminal
	):
		raise NoTerminal
	else:
		top.Top(client, interval).run()


if __name__ == "__main__":
	main()
