"""The demo on terminals that cannot show it live, and when Ctrl-C interrupts it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from job_monitor.cli import terminal_text
from tests.support.processes import ROOT

COMMAND = [sys.executable, "-m", "job_monitor.cli.demo"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def on_terminal(command: list[str], kind: str, seconds: float) -> tuple[int, str]:
	"""The exit code of a command, and its output on a terminal of this kind."""
	master, terminal = pty.openpty()
	process = subprocess.Popen(
		command,
		env={**ENVIRONMENT, "TERM": kind, "COLUMNS": "120"},
		stdin=terminal,
		stdout=terminal,
		stderr=terminal,
	)
	os.close(terminal)
	shown, until = b"", time.monotonic() + seconds
	try:
		while (
			time.monotonic() < until and select.select([master], [], [], 0.5)[0]
		) or process.poll() is None:
			assert time.monotonic() < until, shown[-500:]
			try:
				shown += os.read(master, 65536) if select.select([master], [], [], 0)[0] else b""
			except OSError:  # the other end is closed
				break
	finally:
		if process.poll() is None and time.monotonic() >= until:
			process.kill()
		code = process.wait(20)
		os.close(master)
	return code, shown.decode("utf-8", "replace").replace("\r\n", "\n")


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--fast", 2)])
def test_arguments_start_nothing(argument: str, code: int) -> None:
	done = subprocess.run([*COMMAND, argument], env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
	assert done.returncode == code
	assert done.stdout.startswith("scripts/demo takes no arguments")


def test_a_closed_output_is_said_and_starts_nothing() -> None:
	command = f"{sys.executable} -m job_monitor.cli.demo >&-"
	done = subprocess.run(
		command, shell=True, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, timeout=30, check=False
	)
	assert (done.returncode, done.stderr) == (1, "Error: standard output is closed\n")


def test_on_a_dumb_terminal_the_views_are_printed_once() -> None:
	code, shown = on_terminal(COMMAND, "dumb", 90)
	assert code == 0
	for command in ("doctor", "queues", "workers", "jobs --status failed"):
		assert f"$ job-monitor {command}" in shown
	assert "erpnext" in shown and "nothing of it is left" in shown
	assert not {c for c in shown if ord(c) in terminal_text.HIDDEN and c != "\n"}


def test_top_refuses_a_dumb_terminal(redis_url: str) -> None:
	command = [sys.executable, "-m", "job_monitor.cli.main", "--redis", redis_url, "top"]
	code, shown = on_terminal(command, "dumb", 30)
	assert code == 2 and "top needs a terminal" in shown


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3, 0.5, 0.8])
def test_ctrl_c_prints_no_traceback(seconds: float) -> None:
	process = subprocess.Popen(
		COMMAND,
		env=ENVIRONMENT,
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN) and None,  # as scripts/demo does
	)
	time.sleep(seconds)
	until = time.monotonic() + 30
	while process.poll() is None:
		assert time.monotonic() < until
		process.send_signal(signal.SIGINT)
		time.sleep(0.1)
	_, errors = process.communicate()
	assert b"Traceback" not in errors and b"KeyboardInterrupt" not in errors
	assert process.returncode in (130, -signal.SIGINT)


def test_the_script_leaves_ctrl_c_to_the_demo() -> None:
	script = (ROOT / "scripts/demo").read_text()
	assert "-m job_monitor.cli.demo" in script and 'trap "" INT' in script
