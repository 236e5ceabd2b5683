"""Views of queues, workers, jobs and findings, as rich tables and panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from job_monitor.cli import terminal_text
from job_monitor.cli.display import (
	LINE,
	RIGHT,
	Tail,
	WidePanel,
	add_row,
	ago,
	count,
	table,
	words,
)
from job_monitor.core import clock
from job_monitor.core.durations import duration
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.rq import keys
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import Job, Page, Queue, SearchResult, Snapshot, Verdict, Worker

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


def queues_table(queues: Sequence[Queue], now: datetime, expand: bool = False) -> RenderableType:
	"""Queues with their number of jobs by status, and how long the oldest job waits."""
	if not queues:
		return Text("No queue yet: no job was ever enqueued here.", style="dim")
	benches = len({queue.bench for queue in queues}) > 1
	shown = [s for s in keys.PLACES if s in keys.PLACES[:4] or any(queue.counts.get(s) for queue in queues)]
	result = table(
		("Queue", LINE), *[(s.capitalize(), RIGHT) for s in shown], ("Waits", RIGHT), expand=expand
	)
	for queue in queues:
		numbers = [count(queue.counts.get(status), STATUS_STYLE[status]) for status in shown]
		age = queue.oldest_age(now)
		waits = Text(duration(age) if age is not None else "", style="bright_red" if (age or 0) > 300 else "")
		add_row(result, [queue.name if benches else queue.short_name, *numbers, waits])
	return result


WORKERS_WIDTH = 110
"""Columns that the whole table of workers needs."""


def workers_table(
	workers: Sequence[Worker],
	jobs: Mapping[str, Job],
	now: datetime,
	compact: bool = False,
	whole: bool = False,
) -> RenderableType:
	"""Workers with their state, and the job that each runs.

	Args:
		jobs: Jobs that run, by id.
		compact: Leave out names and counters (host and process id tell workers apart), and fill the width there is.
		whole: Do not cut names; their first letters tell workers apart.
	"""
	if not workers:
		return Text("No worker is registered. Start one: bench worker", style="bright_red")
	result = table(
		"State",
		*([] if compact else [("Worker", {**LINE, "max_width": None if whole else 12})]),
		("Queues", LINE),
		("Runs", {**LINE, "ratio": 1, "min_width": 12}),
		("For", RIGHT),
		("Host · pid", LINE),
		*([] if compact else [("Done", RIGHT), ("Failed", RIGHT), ("Busy", RIGHT)]),
		expand=compact,
	)
	for worker in workers:
		cells = _worker_cells(worker, jobs.get(worker.current_job_id), now)
		add_row(result, [cells[0], *cells[2:6]] if compact else cells)
	return result


def _worker_cells(worker: Worker, job: Job | None, now: datetime) -> list[RenderableType]:
	state = worker.status
	style = "bright_blue" if state == "busy" else VERDICT_STYLE[worker.verdict]
	share = worker.utilization(now)
	return [
		words(f"● {state}", style),
		worker.name,
		", ".join(keys.short_name(queue) for queue in worker.queues),
		Tail((job.method or job.id) if job else worker.current_job_id),
		ago(job.started_at, now) if job else "",
		f"{worker.hostname} · {worker.pid or '?'}",
		f"{worker.successful_job_count:,}",
		count(worker.failed_job_count, "bright_red"),
		f"{share:.0%}" if share is not None else "",
	]


def jobs_table(jobs: Sequence[Job], now: datetime, selected: int | None = None) -> RenderableType:
	"""Jobs, a row each; with a column for errors if there is one."""
	errors = any(job.problem or job.exception for job in jobs)
	result = table(
		("Status", {"no_wrap": True}),
		("Method", {**LINE, "ratio": 4}),
		("Queue", LINE),
		("Created", RIGHT),
		("Waited", RIGHT),
		("Ran", RIGHT),
		("Job ID", {**LINE, "ratio": 5}),
		*([("Error", {**LINE, "ratio": 4})] if errors else []),
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
		words(terminal_text.line(job.id), "dim"),
		words(last_line(job.exception) or job.problem, "bright_red"),
	]


def last_line(traceback: str) -> str:
	"""The last line of a traceback that is not empty: the exception."""
	lines = [line for line in traceback.strip().splitlines() if line.strip()]
	return lines[-1].strip() if lines else ""


def page_view(page: Page, query: JobQuery, now: datetime) -> RenderableType:
	"""A page of jobs, and which of how many they are."""
	if not page.rows:
		skipped = f"There are only {page.total:,} jobs." if page.total else "No jobs."
		return words(page.note or skipped, "dim")
	first = query.offset + 1
	foot = f"{first:,} to {query.offset + len(page.rows):,} of {page.total:,} jobs. {page.note}"
	return Group(jobs_table(page.rows, now), words(foot, "dim"))


def search_view(result: SearchResult, now: datetime) -> RenderableType:
	"""The jobs that a search found, how many it looked at, and where to go on."""
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
	"""A job in full: its fields, arguments, meta and traceback."""
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
				WidePanel(words(body), title=title, title_align="left", border_style=border, box=box.ROUNDED)
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
	"""A moment in the terminal's time zone, and its age; "" if it is unknown."""
	if moment is None:
		return ""
	return f"{clock.local(moment)}  ({ago(moment, now)} ago)"


def findings_view(findings: Sequence[Finding], hints: bool = True) -> RenderableType:
	"""Findings, each with its mark and, unless `hints` is false, with what to do."""
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


def doctor_view(snapshot: Snapshot, findings: Sequence[Finding]) -> RenderableType:
	"""Workers, jobs and zombies in a few lines, and what is wrong."""
	alive = sum(worker.verdict is Verdict.ALIVE for worker in snapshot.workers)
	waiting = sum(queue.counts.get(keys.QUEUED, 0) for queue in snapshot.queues)
	workers = "running" if alive else "not running"
	summary = (
		f"Workers are: {workers} ({alive} alive of {len(snapshot.workers)})\n"
		f"Pending tasks: {waiting:,}   Running: {len(snapshot.running):,}\n"
		f"Zombies: {_zombie_words(snapshot)}"
	)
	verdict: RenderableType = Text("✔ Nothing wrong found.", style="green")
	if findings:
		verdict = findings_view(findings)
	return Group(words(summary), Padding(verdict, (1, 0, 0, 0), expand=False))


def _zombie_words(snapshot: Snapshot) -> str:
	hunt = snapshot.zombies
	if hunt.problem:
		return f"{len(hunt.jobs):,} so far; could not look everywhere ({hunt.problem})"
	if hunt.complete:
		return f"{len(hunt.jobs):,} among {hunt.looked_at:,} jobs"
	return f"{len(hunt.jobs):,} so far; the time allowed for {hunt.looked_at:,} jobs (--zombie-seconds)"
