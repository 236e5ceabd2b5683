"""The live view: its keys, its screen, and the terminal afterwards."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rich.console import Console

from job_monitor.cli import terminal
from job_monitor.cli.terminal import Keys
from job_monitor.cli.top import State, Top, ended_per_second, press, sparkline
from job_monitor.core import clock
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import connect_url
from job_monitor.core.rq.records import Job, Snapshot, Worker
from tests.support.jobs import Jobs
from tests.support.processes import ROOT, wait_until

JOBS = tuple(Job(f"a||{n}") for n in range(25))


def pressed(*keys: str, state: State | None = None) -> State:
	state = state or State()
	for key in keys:
		state = press(state, key, JOBS)
	return state


@pytest.mark.parametrize(
	("keys", "selected"),
	[
		(("down",), 1),
		(("j", "j", "k"), 1),
		(("up",), 0),
		(("page down", "page down", "page down"), 24),
		(("end",), 24),
		(("end", "home"), 0),
		(("page down", "page up"), 0),
	],
)
def test_keys_move_within_the_jobs_there_are(keys: tuple[str, ...], selected: int) -> None:
	assert pressed(*keys).selected == selected


@pytest.mark.parametrize("key", ["down", "end", "page down", "enter", "j"])
def test_keys_do_nothing_where_there_are_no_jobs(key: str) -> None:
	state = press(State(), key, ())
	assert (state.selected, state.opened) == (0, "")


def test_digits_and_tab_change_the_view() -> None:
	assert [pressed(key).view for key in "12345"] == ["started", "queued", "failed", "finished", "all"]
	assert pressed("tab", "tab").view == "failed" and pressed("5", "tab").view == "started"
	assert pressed("down", "3").selected == 0


@pytest.mark.parametrize("key", ["0", "6", "9", "²", "٣", "①", "99", "", "é", "\x00"])
def test_other_keys_do_nothing(key: str) -> None:
	assert pressed(key) == State()


def test_a_job_is_opened_and_left() -> None:
	opened = pressed("down", "enter")
	assert opened.opened == "a||1"
	assert pressed("escape", state=opened).opened == ""
	assert pressed("3", state=opened).opened == ""


def test_a_search_is_typed_changed_and_given_up() -> None:
	typed = pressed("/", *"acmx", "backspace", "e")
	assert (typed.typing, typed.text) == (True, "acme")
	found = pressed("enter", state=typed)
	assert (found.typing, found.text) == (False, "acme")
	assert pressed("escape", state=typed).text == "" and pressed("escape", state=found).text == ""
	assert pressed("enter", "escape", state=found).text == "acme"
	quitting = pressed("/", "q")
	assert not quitting.quit and quitting.text == "q"
	assert len(pressed("/", *"x" * 500).text) == 200


def test_pause_speed_help_and_quit() -> None:
	assert pressed("p").paused and not pressed("p", "p").paused
	assert pressed("?").help and not pressed("?", "?").help
	assert pressed("+").interval == 4.0 and pressed("-").interval == 1.0
	assert pressed(*"+" * 20).interval == 60.0 and pressed(*"-" * 20).interval == 0.5
	assert pressed("q").quit and pressed("Q").quit


def test_jobs_per_second_come_from_workers_seen_twice() -> None:
	now = clock.now()

	def snapshot(seconds: float, **done: int) -> Snapshot:
		workers = tuple(Worker(name, successful_job_count=count) for name, count in done.items())
		return Snapshot(clock.from_epoch(now.timestamp() + seconds) or now, workers=workers)

	assert ended_per_second(snapshot(0, a=5, b=1), snapshot(2, a=9, c=100)) == pytest.approx(2.0)
	assert ended_per_second(snapshot(0, a=5), snapshot(0, a=9)) == 0.0
	assert ended_per_second(snapshot(0, a=5), snapshot(2, a=0)) == 0.0


def test_a_line_of_bars_is_drawn_of_any_figures() -> None:
	assert sparkline(deque([0.0, 0.0])) == "▁▁"
	assert sparkline(deque([0.0, 1.0, 2.0])) == "▁▄█"


# What is drawn


def drawn(top: Top, width: int = 120, height: int = 40) -> str:
	console = Console(
		width=width, height=height, force_terminal=True, color_system=None, record=True, file=_Null()
	)
	top.refresh(height)
	console.print(top.screen())
	return console.export_text()


class _Null:
	def write(self, text: str) -> int:
		return len(text)

	def flush(self) -> None: ...


def test_the_screen_shows_queues_findings_and_jobs(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(method="app.waiting_method")
	top = Top(client, 1)
	top.state = State(view="queued")
	text = drawn(top)
	for words in ("default", "app.waiting_method", "No worker serves this queue", "0 of 0 workers alive"):
		assert words in text


@pytest.mark.parametrize(("width", "height"), [(60, 20), (20, 5), (1, 1), (400, 100)])
def test_no_size_of_the_terminal_breaks_the_screen(
	client: RqClient, jobs: Jobs, width: int, height: int
) -> None:
	for n in range(30):
		jobs.raw(status=("queued", "started", "failed")[n % 3])
	top = Top(client, 1)
	for state in (State(view="all"), State(help=True), State(typing=True, text="x"), State(paused=True)):
		top.state = state
		assert isinstance(drawn(top, width, height), str)


def test_the_chosen_job_is_on_the_screen_wherever_it_is(client: RqClient, jobs: Jobs) -> None:
	for n in range(60):
		jobs.raw(f"a||chosen-{n:03}", status="failed", age=n)
	top = Top(client, 1)
	for selected in (0, 5, 15, 29):
		top.state = State(view="failed", selected=selected)
		assert f"chosen-{selected:03}" in drawn(top, 160, 30), selected


def test_an_open_job_that_expires_is_an_error_on_the_screen(client: RqClient, jobs: Jobs) -> None:
	job_id = jobs.raw(method="app.open_method")
	top = Top(client, 1)
	top.state = State(opened=job_id)
	assert "app.open_method" in drawn(top)
	jobs.connection.flushall()
	assert "No such job" in drawn(top)


def test_a_redis_that_goes_away_leaves_the_last_figures(client: RqClient, jobs: Jobs) -> None:
	jobs.raw(method="app.still_there", status="started")
	top = Top(client, 1)
	drawn(top)
	top.client = RqClient(connect_url("redis://127.0.0.1:1"))
	assert "app.still_there" in (text := drawn(top)) and "cannot be reached" in text
	assert "cannot be reached" in drawn(Top(top.client, 1))


# On a real terminal


def test_one_line_of_json_at_each_interval_until_the_reader_leaves(redis_url: str, jobs: Jobs) -> None:
	jobs.raw()
	process = subprocess.Popen(
		[
			sys.executable,
			"-m",
			"job_monitor.cli.main",
			"--redis",
			redis_url,
			"top",
			"--json",
			"--interval",
			"0.2",
		],
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		env={**os.environ, "PYTHONPATH": str(ROOT)},
	)
	assert process.stdout and process.stderr
	for _ in range(2):
		line = json.loads(process.stdout.readline())
		assert line["findings"][0]["code"] == "no-worker" and line["snapshot"]["queues"]
	process.stdout.close()
	process.wait(20)
	assert process.stderr.read() == b""


@contextmanager
def in_a_terminal(
	*command: str, size: tuple[int, int] = (40, 120)
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
	master, slave = pty.openpty()
	fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
	environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
	process = subprocess.Popen(
		[sys.executable, "-m", "job_monitor.cli.main", *command],
		stdin=slave,
		stdout=slave,
		stderr=slave,
		env={**environment, "PYTHONPATH": str(ROOT), "TERM": "xterm", "LANG": "C.UTF-8"},
		start_new_session=True,
	)
	try:
		yield master, process
	finally:
		process.kill()
		process.wait()
		os.close(master)
		os.close(slave)


def read_until(master: int, words: str, seconds: float = 20) -> str:
	text, until = "", time.monotonic() + seconds
	while words not in text:
		assert time.monotonic() < until, text[-2000:]
		if select.select([master], [], [], 0.1)[0]:
			text += os.read(master, 65536).decode("utf-8", "replace")
	return text


@pytest.mark.parametrize("ending", ["q", "SIGINT", "SIGTERM", "SIGHUP"])
def test_it_draws_itself_and_leaves_the_terminal_as_it_was(redis_url: str, jobs: Jobs, ending: str) -> None:
	jobs.raw(status="started", method="app.running_method")
	with in_a_terminal("--redis", redis_url, "top", "--interval", "0.3") as (master, process):
		before = termios.tcgetattr(master)
		screen = read_until(master, "app.running_method")
		assert "\x1b[?1049h" in screen
		os.write(master, b"3")
		read_until(master, "[3] failed")
		os.write(master, b"/nothing like it\r")
		read_until(master, "looked at")
		if ending == "q":
			os.write(master, b"q")
		else:
			process.send_signal(signal.Signals[ending])
		rest = read_until(master, "\x1b[?1049l")
		code = wait_until(lambda: process.poll() is not None) and process.returncode
		assert termios.tcgetattr(master)[3] == before[3]
		assert "Traceback" not in rest
		assert code == 0 if ending == "q" else code is not None


class Typed:
	"""`Keys` on a pipe instead of a terminal."""

	def __init__(self) -> None:
		self.read_end, self.write_end = os.pipe()
		self.keys = Keys()
		self.keys.descriptor = self.read_end

	def all(self, raw: bytes) -> list[str]:
		os.write(self.write_end, raw)
		found: list[str] = []
		while key := self.keys.read(0.01):
			found.append(key)
		return found


@pytest.mark.parametrize(
	("raw", "keys"),
	[
		(b"q", ["q"]),
		(b"\x1b[A\x1b[B", ["up", "down"]),
		(b"jjj", ["j", "j", "j"]),
		("größe".encode(), list("größe")),
		(b"/abc\r", ["/", "a", "b", "c", "enter"]),
		(b"\x1b", ["escape"]),
		(b"\x1b[6~q", ["page down", "q"]),
		(b"x" * 100, ["x"] * 100),
		("é".encode() * 40, ["é"] * 40),
		(b"\x1b[1;5Cq", ["q"]),
		(b"\x1bOPq", ["q"]),
		(b"\x01\x02q", ["q"]),
		(b"\xff\xfeq", ["q"]),
	],
)
def test_keys_that_come_at_once_are_read_one_by_one(raw: bytes, keys: list[str]) -> None:
	assert [key for key in Typed().all(raw) if key != "\ufffd"] == keys


def test_a_terminal_that_is_gone_ends_the_view() -> None:
	typed: Any = Typed()
	os.close(typed.write_end)
	assert typed.keys.read(0.01) == "q"
	assert terminal.Keys is Keys
