"""`job-monitor top`: the live full-screen view."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from job_monitor.cli import display, render
from job_monitor.cli.terminal import Keys
from job_monitor.core import clock, limits
from job_monitor.core.errors import JobMonitorError
from job_monitor.core.findings import Finding
from job_monitor.core.rq import diagnosis, keys, zombies
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import address
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.records import Job, Snapshot, Verdict, Zombies
from job_monitor.core.rq.search import search
from job_monitor.core.rq.snapshot import take as take_snapshot

_VIEWS = ("started", "queued", "failed", "finished", "all")
_DIGITS = {str(number): view for number, view in enumerate(_VIEWS, 1)}
_BARS = "▁▂▃▄▅▆▇█"
_ZOMBIES_EVERY = timedelta(seconds=30)
_TABLE_HEAD = 3
"""Lines of a table above its rows."""

_HELP = """\
1 2 3 4 5    running, queued, failed, finished, all jobs       Tab  next of them
↑ ↓ j k      choose a job        Enter  open it                Esc  back
/            search id, method, arguments, traceback           Esc  clear the search
p            pause               + -    refresh less, more often
r            refresh now         ?      this help               q    quit"""


@dataclass(frozen=True)
class State:
	"""What is on the screen. Every key makes a new one."""

	view: str = "started"
	selected: int = 0
	interval: float = 2.0
	paused: bool = False
	help: bool = False
	typing: bool = False
	text: str = ""
	opened: str = ""
	quit: bool = False


@dataclass
class Data:
	"""What was read last. It stays on the screen when Redis does not answer."""

	snapshot: Snapshot | None = None
	jobs: tuple[Job, ...] = ()
	note: str = ""
	job: Job | None = None
	error: str = ""
	zombies: Zombies = field(default_factory=lambda: Zombies(complete=False))
	rates: deque[float] = field(default_factory=lambda: deque(maxlen=40))


def stream(client: RqClient, interval: float) -> None:
	"""One line of JSON for each interval, until the reader goes away."""
	while True:
		snapshot = take_snapshot(client, zombie_seconds=0)
		click.echo(display.json_text({"snapshot": snapshot, "findings": diagnosis.diagnose(snapshot)}))
		time.sleep(interval)


def _leave(number: int, frame: object) -> None:
	raise SystemExit(128 + number)


class Top:
	def __init__(self, client: RqClient, interval: float) -> None:
		self.client = client
		self.state = State(interval=interval)
		self.data = Data()
		self.hunted_at = clock.now() - _ZOMBIES_EVERY

	def run(self) -> None:
		"""Until `q`. The terminal is restored on every way out."""
		console = Console(highlight=False, markup=False)
		for number in (signal.SIGTERM, signal.SIGHUP):
			if signal.getsignal(number) is signal.SIG_DFL:
				signal.signal(number, _leave)
		with Keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
			while not self.state.quit:
				if not self.state.paused:
					self.refresh(console.height)
				self._wait(pressed, live)

	def _wait(self, pressed: Keys, live: Live) -> None:
		"""Show, and handle keys until it is time to ask again or a key needs an answer."""
		until = time.monotonic() + self.state.interval
		while True:
			live.update(self.screen(), refresh=True)
			key = pressed.read(until - time.monotonic())
			before = self.state
			self.state = press(before, key, self.data.jobs)
			if self.state.quit or asks_for(before) != asks_for(self.state) or key == "r":
				self.refresh(live.console.height)
				return
			if time.monotonic() >= until and not self.state.paused:
				return
			if self.state.paused:
				until = time.monotonic() + 1

	# Reading

	def refresh(self, height: int) -> None:
		try:
			self._read(height)
			self.data.error = ""
		except JobMonitorError as error:
			self.data.error = str(error)

	def _read(self, height: int) -> None:
		before = self.data.snapshot
		snapshot = take_snapshot(self.client, zombie_seconds=0)
		if snapshot.taken_at - self.hunted_at >= _ZOMBIES_EVERY:
			self.hunted_at = snapshot.taken_at
			self.data.zombies = zombies.find(self.client)
		self.data.snapshot = replace(snapshot, zombies=self.data.zombies)
		if before is not None:
			self.data.rates.append(ended_per_second(before, snapshot))
		if self.state.opened:
			self.data.job = read_job(self.client, self.state.opened)
		else:
			self._read_jobs(max(5, min(height, limits.PAGE_ROWS)))

	def _read_jobs(self, limit: int) -> None:
		statuses = () if self.state.view == "all" else (self.state.view,)
		query = JobQuery(statuses=statuses, text=self.state.text, limit=limit)
		if query.needs_scan:
			result = search(self.client, query)
			self.data.jobs = result.rows
			self.data.note = f"looked at {result.looked_at:,} of {result.out_of:,}"
		else:
			page = read_page(self.client, query)
			self.data.jobs = page.rows
			self.data.note = f"{page.total:,} {page.note}"
		self.state = replace(self.state, selected=min(self.state.selected, max(0, len(self.data.jobs) - 1)))

	# Showing

	def screen(self) -> RenderableType:
		snapshot = self.data.snapshot
		if snapshot is None:
			message = self.data.error or "Asking Redis …"
			return Panel(
				display.words(message, "bright_red" if self.data.error else "dim"), title="job-monitor"
			)
		findings = diagnosis.diagnose(snapshot)
		layout = Layout()
		size = min(len(findings), 5) * 2 + 2 if findings else 3
		layout.split_column(
			Layout(self._head(snapshot), size=1),
			Layout(self._overview(snapshot), size=self._overview_height(snapshot)),
			Layout(self._findings(findings), size=min(size, 10)),
			Layout(self._bottom(snapshot), ratio=1, minimum_size=5),
			Layout(self._foot(), size=1),
		)
		return layout

	def _head(self, snapshot: Snapshot) -> Text:
		alive = sum(worker.verdict is Verdict.ALIVE for worker in snapshot.workers)
		busy = sum(worker.state == "busy" for worker in snapshot.workers)
		line = Text.assemble(
			(" job-monitor ", "reverse bold"), "  ", display.words(address(self.client.connection), "bold")
		)
		line.append(
			f"   {clock.local(snapshot.taken_at)[11:]}   {alive} of {len(snapshot.workers)} workers alive, {busy} busy"
		)
		if self.data.rates:
			line.append(f"   {self.data.rates[-1]:.1f} jobs/s ").append(
				sparkline(self.data.rates), style="cyan"
			)
		if self.state.paused:
			line.append("  PAUSED", style="bold yellow")
		return line

	def _overview_height(self, snapshot: Snapshot) -> int:
		return min(14, max(len(snapshot.queues), len(snapshot.workers), 1) + 5)

	def _overview(self, snapshot: Snapshot) -> RenderableType:
		running = {job.id: job for job in snapshot.running}
		room = self._overview_height(snapshot) - 5
		busiest = sorted(snapshot.queues, key=lambda queue: -queue.counts.get(keys.QUEUED, 0))
		layout = Layout()
		queues = render.queues_table(busiest[:room], snapshot.taken_at, expand=True)
		loudest = sorted(
			snapshot.workers, key=lambda w: (w.verdict is Verdict.ALIVE, w.state != "busy", w.name)
		)
		workers = render.workers_table(loudest[:room], running, snapshot.taken_at, compact=True)
		layout.split_row(
			Layout(
				Panel(
					queues,
					title=_title("Queues", room, snapshot.queues),
					title_align="left",
					border_style="dim",
				),
				ratio=1,
			),
			Layout(
				Panel(
					workers,
					title=_title("Workers", room, snapshot.workers),
					title_align="left",
					border_style="dim",
				),
				ratio=1,
			),
		)
		return layout

	def _findings(self, findings: list[Finding]) -> RenderableType:
		if not findings:
			return Panel(Text("✔ Nothing wrong found.", style="green"), border_style="dim")
		title = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
		return Panel(
			render.findings_view(findings[:5], hints=False),
			title=title,
			title_align="left",
			border_style="red",
		)

	def _bottom(self, snapshot: Snapshot) -> RenderableType:
		if self.state.help:
			return Panel(Text(_HELP), title="Keys", title_align="left")
		if self.state.opened and self.data.job is not None:
			return Panel(
				render.job_view(self.data.job, snapshot.taken_at), title="Job (Esc: back)", title_align="left"
			)
		body: RenderableType = Text("No jobs here.", style="dim")
		if self.data.jobs:
			body = _Rows(self.data.jobs, snapshot.taken_at, self.state.selected)
		tabs = "  ".join(
			f"[{n}] {name}" if name == self.state.view else f"{n} {name}" for n, name in enumerate(_VIEWS, 1)
		)
		found = f" · search {self.state.text!r}" if self.state.text else ""
		title = display.words(f"{tabs} · {self.data.note.strip()}{found}")
		return Panel(body, title=title, title_align="left", border_style="dim")

	def _foot(self) -> RenderableType:
		if self.state.typing:
			return display.words(f" Search: {self.state.text}█   Enter: find   Esc: give up", "reverse")
		if self.data.error:
			return display.words(f" {self.data.error}  (old figures above)", "bold white on red")
		return Text(
			f" ?: keys  /: search  Enter: open  p: pause  q: quit   every {self.state.interval:g} s",
			style="dim",
		)


class _Rows:
	"""As many jobs as there is room for, the chosen one among them."""

	def __init__(self, jobs: tuple[Job, ...], now: datetime, selected: int) -> None:
		self.jobs, self.now, self.selected = jobs, now, selected

	def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
		room = max(1, (options.height or len(self.jobs)) - _TABLE_HEAD)
		first = max(0, self.selected - room + 1)
		yield render.jobs_table(self.jobs[first : first + room], self.now, self.selected - first)


def _title(name: str, room: int, items: tuple[object, ...]) -> str:
	return name if len(items) <= room else f"{name} ({room} of {len(items):,})"


def asks_for(state: State) -> tuple[object, ...]:
	"""The part of a state that decides what is read."""
	return (state.view, state.opened, state.paused, "" if state.typing else state.text)


def press(state: State, key: str, jobs: tuple[Job, ...]) -> State:
	"""The state after a key."""
	if state.typing:
		return _type(state, key)
	if key in ("q", "Q"):
		return replace(state, quit=True)
	if key in ("up", "k", "down", "j", "page up", "page down", "home", "end"):
		return replace(state, selected=_move(state.selected, key, len(jobs)))
	if key in _DIGITS:
		return replace(state, view=_DIGITS[key], selected=0, opened="", help=False)
	if key == "tab":
		view = _VIEWS[(_VIEWS.index(state.view) + 1) % len(_VIEWS)]
		return replace(state, view=view, selected=0, opened="", help=False)
	if key == "enter" and state.selected < len(jobs):
		return replace(state, opened=jobs[state.selected].id, help=False)
	if key == "escape":
		text = state.text if state.opened or state.help else ""
		return replace(state, opened="", help=False, text=text)
	return replace(state, **_SIMPLE[key](state)) if key in _SIMPLE else state


_SIMPLE: dict[str, Callable[[State], dict[str, Any]]] = {
	"?": lambda state: {"help": not state.help},
	"/": lambda state: {"typing": True, "text": "", "help": False, "opened": ""},
	"p": lambda state: {"paused": not state.paused},
	"+": lambda state: {"interval": min(60.0, state.interval * 2)},
	"-": lambda state: {"interval": max(0.5, state.interval / 2)},
}


def _type(state: State, key: str) -> State:
	if key == "enter":
		return replace(state, typing=False, selected=0)
	if key == "escape":
		return replace(state, typing=False, text="")
	if key == "backspace":
		return replace(state, text=state.text[:-1])
	return replace(state, text=(state.text + key)[: limits.PATTERN_CHARS]) if len(key) == 1 else state


def _move(selected: int, key: str, rows: int) -> int:
	steps = {
		"up": -1,
		"k": -1,
		"down": 1,
		"j": 1,
		"page up": -10,
		"page down": 10,
		"home": -rows,
		"end": rows,
	}
	return max(0, min(rows - 1, selected + steps[key]))


def ended_per_second(before: Snapshot, after: Snapshot) -> float:
	"""Jobs ended per second, from the counters of the workers seen in both."""
	seconds = (after.taken_at - before.taken_at).total_seconds()
	done = {w.name: w.successful_job_count + w.failed_job_count for w in before.workers}
	new = [
		w.successful_job_count + w.failed_job_count - done[w.name] for w in after.workers if w.name in done
	]
	return max(0, sum(new)) / seconds if seconds > 0 else 0.0


def sparkline(values: deque[float]) -> str:
	high = max(values) or 1.0
	return "".join(_BARS[min(7, int(value / high * 7.99))] for value in values)
