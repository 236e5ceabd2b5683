"""`job-monitor logs`: its output, following a log, and refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from job_monitor.cli.main import main
from tests.support.logs import TRACEBACK, at, make_bench, write
from tests.support.processes import ROOT

Run = Callable[..., Result]


@pytest.fixture
def bench(tmp_path: Path) -> Path:
	folder = make_bench(tmp_path)
	(folder / "sites" / "common_site_config.json").write_text("{}")
	return folder


@pytest.fixture
def run(bench: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
	monkeypatch.setenv("COLUMNS", "60")
	monkeypatch.setenv("JOB_MONITOR_SITE", "gone.localhost")
	return lambda *arguments: CliRunner().invoke(main, ["--bench", str(bench / "sites"), *arguments])


def test_newest_entries_are_printed_whole_and_redacted(run: Run, bench: Path) -> None:
	write(bench, at(1) + at(2, "ERROR", "x" * 100) + TRACEBACK + at(3))
	shown = run("logs", "scheduler", "--lines", "2")
	assert shown.exit_code == 0 and shown.stdout.startswith(at(2, "ERROR", "x" * 100))
	assert shown.stdout.endswith(at(3)) and "hunter2" not in shown.stdout and "entry 1" not in shown.stdout
	(error,) = json.loads(run("logs", "scheduler.log", "--level", "error", "--json").stdout)["records"]
	assert error["level"] == "ERROR" and error["at"].endswith("+00:00")
	assert "entry" not in run("--redact", "scheduler", "logs", "scheduler", "--search", "entry 9").stdout


def test_no_control_character_reaches_the_terminal(run: Run, bench: Path) -> None:
	write(bench, b"2026-01-31 10:00:00,000 ERROR x \x1b[31mred\x07\x9b\xff\x00\x85\r [bold]\xe2\x80\xae\n")
	for arguments in ([], ["--json"]):
		shown = run("logs", "scheduler", *arguments).stdout
		assert "red" in shown and not set(shown) & set("\x1b\x07\x9b\x00\x85\r\u202e")


def test_without_a_name_all_logs_are_listed(run: Run, bench: Path) -> None:
	write(bench, at(1))
	assert "scheduler" in run("logs").stdout and "node-socketio" in run("logs").stdout
	listed = {log["name"]: log for log in json.loads(run("logs", "--json").stdout)}
	assert listed["scheduler"]["size"] == len(at(1)) and "not there" in listed["worker.error"]["note"]


def test_a_site_has_its_own_log(run: Run, bench: Path) -> None:
	(bench / "sites" / "a.localhost" / "logs" / "scheduler.log").write_text(at(7))
	assert "entry 7" in run("logs", "scheduler", "--site", "a.localhost").stdout
	assert {log["name"] for log in json.loads(run("logs", "--site", "a.localhost", "--json").stdout)} >= {
		"scheduler",
		"frappe",
	}


@pytest.mark.parametrize(("name", "words"), [("worker.error", "not there"), ("monitor", "set-config")])
def test_an_absent_log_is_one_line_that_says_why(run: Run, name: str, words: str) -> None:
	shown = run("logs", name)
	assert shown.exit_code == 0 and words in shown.stderr and shown.stderr.count("\n") == 1
	assert not shown.stdout


def test_a_search_that_read_enough_says_how_to_go_on(
	run: Run, bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr("job_monitor.core.limits.LOG_PAGE_BYTES", 200)
	monkeypatch.setattr("job_monitor.core.logs.blocks._BLOCK", 100)
	write(bench, "".join(at(n) for n in range(20)))
	arguments = ["logs", "scheduler", "--search", "entry 11"]
	shown = run(*arguments)
	while not shown.stdout and "--older" in shown.stderr:
		shown = run(*arguments, *shown.stderr.split()[-2:])
	assert shown.stdout == at(11)


@pytest.mark.parametrize(
	"arguments",
	[
		["../../etc/passwd"],
		["worker.log.1"],
		["gone\x1b\n"],
		["scheduler", "--site", "../x"],
		["scheduler", "--site", "gone.localhost"],
		["worker", "--site", "a.localhost"],
		["scheduler", "--lines", "0"],
		["scheduler", "--older", "made-up"],
		["scheduler", "--search", "x" * 300],
	],
)
def test_a_refusal_is_one_line_and_exit_code_2(run: Run, arguments: list[str]) -> None:
	result = run("logs", *arguments)
	assert result.exit_code == 2 and not result.stdout
	assert result.stderr.startswith("job-monitor: ") and result.stderr.count("\n") == 1


def test_outside_a_bench_it_says_so(tmp_path: Path) -> None:
	result = CliRunner().invoke(main, ["--bench", str(tmp_path), "logs", "worker"])
	assert result.exit_code == 2 and "no bench" in result.stderr


@pytest.mark.parametrize(
	("site", "monitor", "words"),
	[
		("", {}, "set-config -g -p monitor 1"),
		("a.localhost", {}, "bench set-config -g -p monitor 1"),
		("", {"monitor": 1}, "is on"),
	],
)
def test_a_report_without_a_log_says_whether_the_monitor_is_on(
	run: Run, bench: Path, site: str, monitor: dict[str, int], words: str
) -> None:
	(bench / "sites" / "a.localhost" / "site_config.json").write_text(json.dumps(monitor))
	shown = run("report", "--site", site)
	assert shown.exit_code == 2 and words in shown.stderr


def test_a_report_as_json_holds_no_control_character(run: Run, bench: Path) -> None:
	job = {"method": "app.\x9b31m\x1bred\x7f", "wait": 1}
	record = {"duration": 1, "job": job, "site": "s", "timestamp": "2026-11-20 10:00:00.000000+00:00"}
	write(bench, json.dumps(record | {"transaction_type": "job", "uuid": "1"}) + "\n", "monitor.json.log")
	shown = run("report", "--site", "", "--json").stdout
	assert json.loads(shown)["jobs"] == 1 and not set(shown) & set("\x9b\x1b\x7f")


@pytest.mark.parametrize("as_json", [False, True])
def test_following_prints_what_is_written_and_ends_with_ctrl_c(bench: Path, as_json: bool) -> None:
	path = write(bench, at(1))
	command = [sys.executable, "-m", "job_monitor.cli.main", "--bench", str(bench), "logs", "scheduler", "-f"]
	process = subprocess.Popen(
		[*command, *(["--json"] if as_json else [])],
		env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		text=True,
	)
	try:
		assert process.stdout
		assert "entry 1" in process.stdout.readline()
		path.rename(bench / "logs" / "scheduler.log.1")
		write(bench, at(2, "ERROR") + TRACEBACK + at(3))
		lines = [process.stdout.readline() for _ in range(2 if as_json else 6)]
		assert "entry 2" in lines[0] and "entry 3" in lines[-1] and "customer" in "".join(lines)
		process.send_signal(signal.SIGINT)
		_rest, errors = process.communicate(timeout=10)
		assert process.returncode == 0 and "Traceback" not in errors
	finally:
		process.kill()
		process.wait()
