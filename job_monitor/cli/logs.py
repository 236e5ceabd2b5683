"""`job-monitor logs`: prints the log files of a bench, and follows them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import click
from rich.console import Console, RenderableType
from rich.filesize import decimal
from rich.text import Text

from job_monitor.cli import display, terminal_text
from job_monitor.cli.source import Source
from job_monitor.cli.source import console as source_console
from job_monitor.core import clock, limits
from job_monitor.core.logs import catalog
from job_monitor.core.logs.catalog import LogFile
from job_monitor.core.logs.pages import LogFilter, LogPage
from job_monitor.core.logs.reader import Log
from job_monitor.core.logs.records import LEVELS, LogRecord
from job_monitor.core.redaction.redactor import Redactor

POLL_SECONDS = 0.5
LEVEL_STYLE = {"CRITICAL": "bright_red", "ERROR": "bright_red", "WARNING": "yellow", "DEBUG": "dim"}


@click.command()
@click.argument("name", default="")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option(
	"--lines",
	"-n",
	default=50,
	show_default=True,
	help=f"Entries, at most {limits.LOG_PAGE_RECORDS}; a traceback is part of one.",
)
@click.option(
	"--level", type=click.Choice(LEVELS, case_sensitive=False), help="This level and more urgent ones."
)
@click.option("--search", "text", default="", metavar="TEXT", help="Part of the entry, in any case.")
@click.option("--site", default="", help="The site's own log of that name.")
@click.option("--older", "cursor", default="", metavar="CURSOR", help="Go back further.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs; with -f, one line an entry.")
@click.pass_obj
def logs(
	source: Source,
	name: str,
	follow: bool,
	lines: int,
	level: str | None,
	text: str,
	site: str,
	cursor: str,
	as_json: bool,
) -> None:
	"""A log's newest entries, redacted; without NAME, which logs there are.

	Rotated files are read, too, compressed ones are not. NAME is as in worker.error or worker.error.log.

	\b
	job-monitor logs                             which logs there are
	job-monitor logs worker.error -f             follow, over rotation
	job-monitor logs scheduler --level ERROR --lines 20
	job-monitor logs worker --search "SINV-0042" --json
	job-monitor logs scheduler --site erp.example.com
	"""
	bench = source.bench()
	console = source_console(soft_wrap=True)
	if not name:
		listed = catalog.listing(bench.path, site)
		console.print(display.json_text(listed, indent=1) if as_json else listing_view(listed))
		return
	log = Log(bench.path, name, site, Redactor(source.redacted))
	log_filter = LogFilter(level or "", text, lines)
	page = log.tail(log_filter, cursor)
	if as_json and not follow:
		click.echo(display.json_text(page, indent=1))
		return
	_print(console, page.records, as_json)
	_note(page, name)
	try:
		for record in _followed(log, log_filter, page) if follow else ():
			_print(console, [record], as_json)
	except KeyboardInterrupt:
		return


def listing_view(listed: Sequence[LogFile]) -> RenderableType:
	"""A table of the logs there are; those that were never written come last."""
	now = clock.now()
	right = {"justify": "right", "no_wrap": True}
	table = display.table("Log", ("Size", right), ("Written", right), "What is in it")
	for log in sorted(listed, key=lambda log: log.changed_at is None):
		ago = f"{display.ago(log.changed_at, now)} ago" if log.changed_at else "–"
		cells = [log.name, decimal(log.size) if log.changed_at else "–", ago, log.about]
		display.add_row(table, cells, "" if log.changed_at else "dim")
	return table


def _note(page: LogPage, name: str) -> None:
	if page.note:
		click.echo(terminal_text.line(page.note), err=True)
	if page.older and not page.records:
		click.echo(f"job-monitor logs {terminal_text.line(name)} --older {page.older}", err=True)


def _followed(log: Log, log_filter: LogFilter, page: LogPage) -> Iterator[LogRecord]:
	"""Entries written from now on; of an entry that was shown before it was complete, the part that was added."""
	shown = page.records[-1] if page.records else None
	last_note = page.note
	while True:
		page = log.follow(page.newer, log_filter)
		for record in page.records:
			yield _added(shown, record)
			shown = record
		if page.note != last_note:
			_note(page, log.log.name)
			last_note = page.note
		if len(page.records) < log_filter.records:
			time.sleep(POLL_SECONDS)


def _added(shown: LogRecord | None, record: LogRecord) -> LogRecord:
	if shown is None or shown.key != record.key or not record.text.startswith(shown.text):
		return record
	return LogRecord(record.key, record.at, record.level, record.text[len(shown.text) :].lstrip("\n"))


def _print(console: Console, records: Sequence[LogRecord], as_json: bool) -> None:
	for record in records:
		if as_json:
			click.echo(display.json_text(record))
		else:
			console.print(styled(record))


def styled(record: LogRecord) -> Text:
	"""The entry as text for a terminal: its first line in the colour of its level."""
	text = display.words(record.text)
	end = record.text.find("\n")
	text.stylize(LEVEL_STYLE.get(record.level, ""), 0, end if end >= 0 else len(record.text))
	return text
