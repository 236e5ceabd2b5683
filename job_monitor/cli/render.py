"""Records as rich tables, panels and plain JSON values."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from job_monitor.cli import safe
from job_monitor.core import clock, keys
from job_monitor.core.health import duration
from job_monitor.core.query import JobQuery
from job_monitor.core.records import (
	Finding,
	Job,
	Page,
	Queue,
	SearchResult,
	Severity,
	Snapshot,
	Verdict,
	Worker,
)

STATUS_STYLE = {
	"queued": "yellow",
	"started": "bright_blue",
	"finished": "green",
	"failed": "bright_red",
	"stopped": "magenta",
	"canceled": "dim",
	"deferred": "cyan",
	"scheduled": "cyan",
}
VERDICT_STYLE = {Verdict.ALIVE: "green", Verdict.LATE: "yellow", Verdict.DEAD: "bright_red"}
SEVERITY_MARK = {Severity.CRITICAL: ("✖", "bright_red"), Severity.WARNING: ("▲", "yellow")}


def words(text: str, style: str = "") -> Text:
	"""Text from Redis: no markup, and nothing that a terminal would obey."""
	return Text(safe.lines(text), style=style)


class Tail:
	"""Text whose end matters most: where there is no room, it loses its beginning."""

	def __init__(self, text: str) -> None:
		self.text = safe.line(text)

	def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
		return Measurement(min(12, len(self.text)), len(self.text))

	def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
		room = options.max_width
		yield Text(self.text if len(self.text) <= room else f"…{self.text[1 - room :]}", no_wrap=True)


def add_row(table: Table, cells: Sequence[RenderableType], style: str = "") -> None:
	table.add_row(*[words(cell) if isinstance(cell, str) else cell for cell in cells], style=style)


def plain(value: Any) -> Any:
	"""Records as values for JSON: moments as ISO 8601 in UTC, computed figures included."""
	if isinstance(value, Enum):
		return value.value
	if isinstance(value, datetime):
		return value.isoformat()
	if is_dataclass(value):
		shown = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
		if isinstance(value, Job):
			shown |= {"wait": value.wait, "duration": value.duration}
		return shown
	if isinstance(value, Mapping):
		return {name: plain(item) for name, item in value.items()}
	return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def json_text(records: Any, indent: int | None = None) -> str:
	"""Records as JSON, safe for a terminal; in ASCII where standard output can write nothing else."""
	unicode = codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name.startswith("utf")
	return safe.json(json.dumps(plain(records), ensure_ascii=not unicode, indent=indent))


UNBOUNDED = 100_000
"""Columns of what is no terminal: nothing has to fit in."""


class _Table(Table):
	"""Fills the width of a terminal, if it is to; never that of what is none."""

	def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
		self.expand = self.expand and options.max_width < UNBOUNDED
		return super().__rich_console__(console, options)


class _Panel(Panel):
	def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
		self.expand = options.max_width < UNBOUNDED
		return super().__rich_console__(console, options)


def table(*columns: str | tuple[str, dict[str, Any]], expand: bool = False) -> Table:
	"""A table in the one look that all views share."""
	result = _Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, expand=expand, padding=(0, 1))
	for column in columns:
		name, options = (column, {}) if isinstance(column, str) else column
		result.add_column(name, **options)
	return result


_RIGHT: dict[str, Any] = {"justify": "right", "no_wrap": True}
_LINE: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"}


def ago(moment: datetime | None, now: datetime) -> str:
	seconds = clock.seconds_between(moment, now)
	return "" if seconds is None else duration(seconds)


def count(number: int | None, style: str = "") -> Text:
	if number is None:
		return Text("?", style="bright_red")
	return Text(f"{number:,}", style=style if number else "dim")


def queues_table(queues: Sequence[Queue], now: datetime, expand: bool = False) -> RenderableType:
	if not queues:
		return Text("No queue yet: no job was ever enqueued here.", style="dim")
	benches = len({queue.bench for queue in queues}) > 1
	shown = [s for s in keys.PLACES if s in keys.PLACES[:4] or any(queue.counts.get(s) for queue in queues)]
	result = table(
		("Queue", _LINE), *[(s.capitalize(), _RIGHT) for s in shown], ("Waits", _RIGHT), expand=expand
	)
	for queue in queues:
		numbers = [count(queue.counts.get(status), STATUS_STYLE[status]) for status in shown]
		age = queue.oldest_age(now)
		waits = Text(duration(age) if age is not None else "", style="bright_red" if (age or 0) > 300 else "")
		add_row(result, [queue.name if benches else queue.short_name, *numbers, waits])
	return result


WORKERS_WIDTH = 110
"""Columns from which all of the workers' table fits."""


def workers_table(
	workers: Sequence[Worker],
	jobs: Mapping[str, Job],
	now: datetime,
	compact: bool = False,
	whole: bool = False,
) -> RenderableType:
	"""`compact` leaves out names and counters (host and process id tell workers apart), and fills the width there is.

	`whole` does not cut names, of which the first letters tell workers apart.
	"""
	if not workers:
		return Text("No worker is registered. Start one: bench worker", style="bright_red")
	result = table(
		"State",
		*([] if compact else [("Worker", {**_LINE, "max_width": None if whole else 12})]),
		("Queues", _LINE),
		("Runs", {**_LINE, "ratio": 1, "min_width": 12}),
		("For", _RIGHT),
		("Host · pid", _LINE),
		*([] if compact else [("Done", _RIGHT), ("Failed", _RIGHT), ("Busy", _RIGHT)]),
		expand=compact,
	)
	for worker in workers:
		cells = _worker_cells(worker, jobs.get(worker.current_job_id), now)
		add_row(result, [cells[0], *cells[2:6]] if compact else cells)
	return result


def _worker_cells(worker: Worker, job: Job | None, now: datetime) -> list[RenderableType]:
	verdict = worker.verdict
	state = worker.state if verdict is Verdict.ALIVE else verdict.value
	style = "bright_blue" if state == "busy" else VERDICT_STYLE[verdict]
	share = worker.utilization(now)
	return [
		words(f"● {state}", style),
		worker.name,
		", ".join(keys.split_queue(queue)[1] for queue in worker.queues),
		Tail((job.method or job.id) if job else worker.current_job_id),
		ago(job.started_at, now) if job else "",
		f"{worker.hostname} · {worker.pid or '?'}",
		f"{worker.successful_job_count:,}",
		count(worker.failed_job_count, "bright_red"),
		f"{share:.0%}" if share is not None else "",
	]


def jobs_table(jobs: Sequence[Job], now: datetime, selected: int | None = None) -> RenderableType:
	errors = any(job.problem or job.exception for job in jobs)
	result = table(
		("Status", {"no_wrap": True}),
		("Method", {**_LINE, "ratio": 4}),
		("Queue", _LINE),
		("Created", _RIGHT),
		("Waited", _RIGHT),
		("Ran", _RIGHT),
		("Job ID", {**_LINE, "ratio": 5}),
		*([("Error", {**_LINE, "ratio": 4})] if errors else []),
		expand=True,
	)
	for number, job in enumerate(jobs):
		cells = _job_cells(job, now) if errors else _job_cells(job, now)[:-1]
		add_row(result, cells, "reverse" if number == selected else "")
	return result


def _job_cells(job: Job, now: datetime) -> list[RenderableType]:
	waited, ran = job.waited(now), job.ran(now)
	return [
		words(job.status or "?", STATUS_STYLE.get(job.status, "bright_red")),
		Tail(job.method) if job.method else Text("(unknown)", style="dim"),
		job.queue,
		f"{ago(job.created_at, now)} ago" if job.created_at else "",
		duration(waited) if waited is not None else "",
		duration(ran) if ran is not None else "",
		words(safe.line(job.id), "dim"),
		words(job.problem or last_line(job.exception), "bright_red"),
	]


def last_line(traceback: str) -> str:
	lines = [line for line in traceback.strip().splitlines() if line.strip()]
	return lines[-1].strip() if lines else ""


def page_view(page: Page, query: JobQuery, now: datetime) -> RenderableType:
	if not page.rows:
		return words(page.note or "No jobs.", "dim")
	first = query.offset + 1
	foot = f"{first:,} to {query.offset + len(page.rows):,} of {page.total:,} jobs. {page.note}"
	return Group(jobs_table(page.rows, now), words(foot, "dim"))


def search_view(result: SearchResult, now: datetime) -> RenderableType:
	covered = f"Looked at {result.looked_at:,} of {result.out_of:,} jobs."
	if result.unread:
		covered += f" The arguments of {result.unread:,} are too large to be searched."
	if result.cursor:
		covered += f" Go on with:\n--cursor {result.cursor}"
	body = (
		jobs_table(result.rows, now)
		if result.rows
		else Text("None yet." if result.cursor else "No job found.")
	)
	# A cursor that is wrapped could not be copied
	return Group(body, Text(covered, style="dim", no_wrap=True, overflow="ignore"))


def job_view(job: Job, now: datetime) -> RenderableType:
	facts = Table.grid(padding=(0, 2))
	facts.add_column(style="bold", no_wrap=True)
	facts.add_column(overflow="fold")
	for name, value in _facts(job, now):
		if value:
			add_row(facts, [name, value])
	parts: list[RenderableType] = [facts]
	for title, body in (("Arguments", job.arguments), ("Meta", job.meta), ("Exception", job.exception)):
		if body:
			border = "bright_red" if title == "Exception" else "dim"
			parts.append(
				_Panel(words(body), title=title, title_align="left", border_style=border, box=box.ROUNDED)
			)
	return Group(*parts)


def _facts(job: Job, now: datetime) -> list[tuple[str, RenderableType]]:
	waited, ran = job.waited(now), job.ran(now)
	timeout = "none" if job.timeout == -1 else duration(job.timeout) if job.timeout else ""
	return [
		("Job", job.id),
		("Status", words(job.status, STATUS_STYLE.get(job.status, "bright_red"))),
		("Method", job.method),
		("Site", job.site),
		("Queue", job.queue),
		("User", job.user),
		("Worker", job.worker),
		("Created", stamp(job.created_at, now)),
		("Enqueued", stamp(job.enqueued_at, now)),
		("Started", stamp(job.started_at, now)),
		("Ended", stamp(job.ended_at, now)),
		("Waited", duration(waited) if waited is not None else ""),
		("Ran", duration(ran) if ran is not None else ""),
		("Timeout", timeout),
		("Progress", f"{job.progress:.0f} %" if job.progress is not None else ""),
		("Retries left", str(job.retries_left) if job.retries_left is not None else ""),
		("Forgotten in", duration(job.ttl) if job.ttl is not None else ""),
		("Waits for", ", ".join(job.dependencies)),
		("Blocks", ", ".join(job.dependents)),
		("Problem", words(job.problem, "bright_red")),
	]


def stamp(moment: datetime | None, now: datetime) -> str:
	"""A moment in local time and how long ago it was."""
	if moment is None:
		return ""
	return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}  ({ago(moment, now)} ago)"


def findings_view(findings: Sequence[Finding], hints: bool = True) -> RenderableType:
	grid = Table.grid(padding=(0, 1))
	grid.add_column(width=1)
	grid.add_column(overflow="fold")
	for finding in findings:
		mark, style = SEVERITY_MARK[finding.severity]
		line = words(finding.subject, "bold").append_text(words(f"  {finding.message}", "not bold"))
		if hints and finding.hint:
			line.append_text(words(f"\n→ {finding.hint}", "not bold dim"))
		grid.add_row(Text(mark, style=style), line)
	return grid


def doctor_view(taken: Snapshot, findings: Sequence[Finding]) -> RenderableType:
	alive = sum(worker.verdict is Verdict.ALIVE for worker in taken.workers)
	waiting = sum(queue.counts.get(keys.QUEUED, 0) for queue in taken.queues)
	workers = "running" if alive else "not running"
	summary = (
		f"Workers are: {workers} ({alive} alive of {len(taken.workers)})\n"
		f"Pending tasks: {waiting:,}   Running: {len(taken.running):,}\n"
		f"Zombies: {_zombie_words(taken)}"
	)
	verdict: RenderableType = Text("✔ Nothing wrong found.", style="green")
	if findings:
		verdict = findings_view(findings)
	return Group(words(summary), Padding(verdict, (1, 0, 0, 0), expand=False))


def _zombie_words(taken: Snapshot) -> str:
	hunt = taken.zombies
	if hunt.problem:
		return f"{len(hunt.jobs):,} so far; could not look everywhere ({hunt.problem})"
	if hunt.complete:
		return f"{len(hunt.jobs):,} among {hunt.looked_at:,} jobs"
	return f"{len(hunt.jobs):,} so far; the time allowed for {hunt.looked_at:,} jobs (--zombie-seconds)"
