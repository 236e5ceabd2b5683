"""The `job-monitor` command: its output, its exit codes, and control characters in texts of jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from job_monitor.cli import terminal_text
from job_monitor.cli.main import main
from tests.support.jobs import BENCH, Jobs, packed
from tests.support.processes import ROOT
from tests.support.servers import free_port, server

Run = Callable[..., Result]
ESCAPES = (
	"\x1b[31mred\x1b]0;title\x07\x9b2J\x00\x08\r\x7f\x85\u202eexe\u2066\u061c\u200b\u2028\ufeff\xad\U000e0041"
)


@pytest.fixture
def run(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
	monkeypatch.setenv("COLUMNS", "140")
	monkeypatch.delenv("JOB_MONITOR_REDIS", raising=False)
	return lambda *arguments: CliRunner().invoke(main, ["--redis", redis_url, *arguments])


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
	"""The command in a process of its own."""
	return subprocess.run(
		[sys.executable, "-m", "job_monitor.cli.main", *arguments],
		env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
		capture_output=True,
		text=True,
		timeout=60,
		check=False,
	)


def one_line(text: str) -> bool:
	return text.startswith("job-monitor: ") and text.count("\n") == 1 and "Traceback" not in text


@pytest.fixture
def bench(jobs: Jobs) -> Jobs:
	"""One job of every status and a worker."""
	for status in ("queued", "started", "failed", "finished", "deferred", "scheduled", "canceled"):
		jobs.raw(f"a.localhost||{status}", status=status, method=f"app.{status}_method")
	fields = {"state": "busy", "queues": f"{BENCH}:default", "pid": 1, "hostname": "elsewhere"}
	jobs.connection.hset("rq:worker:w1", mapping=fields | {"current_job": "a.localhost||started"})
	jobs.connection.sadd("rq:workers", "rq:worker:w1")
	return jobs


def test_queues_are_shown(run: Run, bench: Jobs) -> None:
	shown = run("queues")
	assert shown.exit_code == 0 and "default" in shown.output and "Queued" in shown.output
	(queue,) = json.loads(run("queues", "--json").stdout)
	assert queue["counts"]["failed"] == 1 and queue["oldest_job_id"] == "a.localhost||queued"


def test_workers_are_shown_with_what_they_run(run: Run, bench: Jobs) -> None:
	shown = run("workers")
	assert shown.exit_code == 0 and "busy" in shown.output and "app.started_method" in shown.output
	(worker,) = json.loads(run("workers", "--json").stdout)
	assert (worker["name"], worker["verdict"]) == ("w1", "alive")


def test_jobs_are_shown_and_filtered(run: Run, bench: Jobs) -> None:
	shown = run("jobs")
	assert shown.exit_code == 0 and "1 to 7 of 7 jobs" in shown.output
	page = json.loads(run("jobs", "--status", "failed", "--status", "queued", "--json").stdout)
	assert page["total"] == 2 and {row["status"] for row in page["rows"]} == {"failed", "queued"}
	found = json.loads(run("jobs", "--method", "DEFERRED", "--since", "1h", "--json").stdout)
	assert [row["id"] for row in found["rows"]] == ["a.localhost||deferred"]
	assert (found["looked_at"], found["out_of"], found["cursor"]) == (7, 7, "")
	assert "Looked at 7 of 7" in run("jobs", "--search", "nothing like it").output
	assert "There are only 7 jobs." in run("jobs", "--offset", "500").output


def test_a_search_goes_on_with_its_cursor(run: Run, bench: Jobs) -> None:
	seen, cursor = [], ""
	for _ in range(10):
		result = json.loads(
			run("jobs", "--method", "app", "--limit", "2", "--cursor", cursor, "--json").stdout
		)
		seen += [row["id"] for row in result["rows"]]
		if not (cursor := result["cursor"]):
			break
	assert len(seen) == len(set(seen)) == 7
	for filters in ([], ["--status", "failed"], ["--method", "app"]):
		refused = run("jobs", "--cursor", "eJwAAAA", *filters)
		assert refused.exit_code == 2 and one_line(refused.stderr) and "cursor" in refused.stderr


def test_a_search_without_a_filter_goes_on_with_its_cursor(run: Run, bench: Jobs) -> None:
	from job_monitor.core.rq.client import RqClient
	from job_monitor.core.rq.query import JobQuery
	from job_monitor.core.rq.search import search

	cursor = search(RqClient(bench.connection), JobQuery(limit=5)).cursor
	result = json.loads(run("jobs", "--cursor", cursor, "--json").stdout)
	assert len(result["rows"]) == 2 and not result["cursor"]


def test_a_job_is_shown_in_full(run: Run, bench: Jobs) -> None:
	shown = run("job", "a.localhost||failed")
	assert shown.exit_code == 0 and "app.failed_method" in shown.output and "a.localhost" in shown.output
	job = json.loads(run("job", "a.localhost||failed", "--json").stdout)
	assert (job["status"], job["site"], job["duration"]) == ("failed", "a.localhost", 0.0)


def test_the_doctor_says_what_is_wrong_by_exit_code(run: Run, jobs: Jobs) -> None:
	empty = run("doctor")
	assert empty.exit_code == 1 and "No worker is alive" in empty.output
	alive = {"state": "idle", "queues": f"{BENCH}:long", "pid": 1, "hostname": "elsewhere"}
	jobs.connection.hset("rq:worker:w1", mapping=alive)
	jobs.connection.sadd("rq:workers", "rq:worker:w1")
	healthy = run("doctor")
	assert healthy.exit_code == 0 and "Nothing wrong" in healthy.output
	jobs.raw()
	ill = run("doctor", "--json")
	report = json.loads(ill.stdout)
	assert ill.exit_code == 1 and report["findings"][0]["code"] == "no-worker" and not report["healthy"]
	shown = run("doctor")
	assert shown.exit_code == 1 and "No worker serves this queue" in shown.output


def test_the_doctor_may_be_asked_for_critical_findings_only(run: Run, jobs: Jobs) -> None:
	fields = {"state": "idle", "queues": f"{BENCH}:default"}
	jobs.connection.hset("rq:worker:w1", mapping=fields)  # without a process: a remainder, which is a warning
	jobs.connection.hset("rq:worker:w2", mapping={**fields, "pid": 1, "hostname": "elsewhere"})
	jobs.connection.sadd("rq:workers", "rq:worker:w1", "rq:worker:w2")
	assert run("doctor").exit_code == 1
	assert run("doctor", "--critical").exit_code == 0


@pytest.mark.parametrize(
	"arguments",
	[
		["jobs", "--limit", "0"],
		["jobs", "--limit", "501"],
		["jobs", "--offset", "-1"],
		["jobs", "--queue", "gone"],
		["jobs", "--search", "x" * 300],
		["jobs", "--search", "x", "--cursor", "made-up"],
	],
)
def test_a_bad_filter_is_one_line_and_exit_code_2(run: Run, bench: Jobs, arguments: list[str]) -> None:
	result = run(*arguments)
	assert result.exit_code == 2 and one_line(result.stderr), result.output


@pytest.mark.parametrize(
	"arguments",
	[
		["jobs", "--status", "gone"],
		["jobs", "--since", "yesterday"],
		["jobs", "--since", "999999d"],
		["jobs", "--since", "0001-01-01"],
		["jobs", "--since", "9999-12-31T23:59:59-12:00"],
		["jobs", "--limit", "many"],
		["jobs", "--search", "x", "--seconds", "0"],
		["jobs", "--seconds", "-1"],
		["jobs", "--seconds", "nan"],
		["remove", "--zombies", "--seconds", "nan"],
		["top", "--json", "--interval", "nan"],
		["job", ""],
		["remove", ""],
		["doctor", "--zombie-seconds", "31"],
		["doctor", "--zombie-seconds", "nan"],
		["top", "--interval", "0"],
		["job"],
		["gone"],
	],
)
def test_wrong_use_is_exit_code_2_and_no_traceback(run: Run, bench: Jobs, arguments: list[str]) -> None:
	result = run(*arguments)
	assert result.exit_code == 2 and "Usage:" in result.stderr, (result.exception, result.output)


def test_an_unknown_job_is_one_line_and_exit_code_1(run: Run) -> None:
	result = run("job", "gone\x1b[31m\nx")
	assert result.exit_code == 1 and one_line(result.stderr) and "\x1b" not in result.stderr
	assert not result.stdout


def test_an_unreachable_redis_is_one_line_and_exit_code_2() -> None:
	for command in (["queues"], ["workers"], ["jobs"], ["job", "x"], ["doctor"], ["top", "--json"]):
		result = program("--redis", f"redis://127.0.0.1:{free_port()}", *command)
		assert result.returncode == 2 and one_line(result.stderr) and not result.stdout


def test_a_wrong_password_is_one_line_and_not_repeated(tmp_path: Path) -> None:
	with server(tmp_path, "--requirepass", "right") as real:
		for url in (f"redis://:hunter2@127.0.0.1:{real.port}", real.url):
			result = program("--redis", url, "doctor")
			assert result.returncode == 2 and one_line(result.stderr) and "refused" in result.stderr
			assert "hunter2" not in result.stderr


@pytest.mark.parametrize("command", [["queues"], ["top"]])
def test_outside_a_bench_it_says_what_to_do(tmp_path: Path, command: list[str]) -> None:
	result = CliRunner().invoke(main, ["--bench", str(tmp_path), *command], env={"JOB_MONITOR_REDIS": ""})
	assert result.exit_code == 2 and one_line(result.stderr) and "--redis" in result.stderr


def test_inside_a_bench_only_its_queues_are_shown(tmp_path: Path, redis_url: str, jobs: Jobs) -> None:
	(tmp_path / "sites").mkdir()
	config = {"redis_queue": redis_url, "bench_id": BENCH}
	(tmp_path / "sites" / "common_site_config.json").write_text(json.dumps(config))
	jobs.raw()
	jobs.raw(queue="other:default")
	result = program("--bench", str(tmp_path / "sites"), "queues", "--json", JOB_MONITOR_REDIS="")
	assert [queue["bench"] for queue in json.loads(result.stdout)] == [BENCH]
	result = program("--bench", str(tmp_path), "--all-benches", "queues", "--json", JOB_MONITOR_REDIS="")
	assert {queue["bench"] for queue in json.loads(result.stdout)} == {BENCH, "other"}


def test_top_without_a_terminal_says_so(redis_url: str) -> None:
	result = program("--redis", redis_url, "top")
	assert result.returncode == 2 and one_line(result.stderr) and "terminal" in result.stderr


@pytest.mark.parametrize("command", [[], ["jobs"], ["doctor"]])
def test_help_has_examples(command: list[str]) -> None:
	result = CliRunner().invoke(main, [*command, "--help"])
	assert result.exit_code == 0 and "job-monitor " in result.output.split("Options:")[0]
	assert "\n" in result.output.strip()


@pytest.mark.parametrize("command", ["check", "watch"])
def test_commands_of_a_bench_have_help_anywhere(command: str, tmp_path: Path) -> None:
	for option in ("--help", "-h"):
		result = CliRunner().invoke(main, ["--bench", str(tmp_path), command, option])
		assert (
			result.exit_code == 0 and f"job-monitor {command}" in result.output and "--site" in result.output
		)
	refused = CliRunner().invoke(main, ["--bench", str(tmp_path), command])
	assert refused.exit_code == 2 and "no bench" in refused.stderr


def test_only_a_queued_job_waits(run: Run, jobs: Jobs) -> None:
	for status in ("queued", "canceled", "deferred", "scheduled"):
		jobs.raw(f"a||{status}", status=status, age=7200, started_at=None)
		shown = run("job", f"a||{status}").output
		assert ("Waited" in shown) == (status == "queued")
	assert run("jobs").output.count("2.0 h ") == 5  # four were created so long ago, one waits so long


def test_version_is_printed() -> None:
	assert "job-monitor" in CliRunner().invoke(main, ["--version"]).output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_produced(shell: str) -> None:
	result = CliRunner().invoke(
		main, prog_name="job-monitor", env={"_JOB_MONITOR_COMPLETE": f"{shell}_source"}
	)
	if "Shell completion is not supported for Bash versions" in result.output:
		pytest.skip("an old bash")
	assert (
		result.exit_code == 0 and "job-monitor" in result.output and "_JOB_MONITOR_COMPLETE" in result.output
	)


def test_off_a_terminal_nothing_is_cut_or_wrapped(redis_url: str, jobs: Jobs) -> None:
	site, method = "a-site-with-a-long-name.example.com", "app." + "deep." * 20 + "method"
	ids = [jobs.raw(status="failed", site=site, method=method, arguments={"x": "y" * 500}) for _ in range(3)]
	name = "f" * 32
	jobs.connection.hset(f"rq:worker:{name}", mapping={"state": "busy", "queues": "b:q", "pid": 1})
	jobs.connection.sadd("rq:workers", f"rq:worker:{name}")

	def shown(*command: str) -> list[str]:
		result = program("--redis", redis_url, *command, COLUMNS="")
		assert result.returncode in (0, 1) and "…" not in result.stdout
		return result.stdout.splitlines()

	for command in (["jobs"], ["jobs", "--method", "deep"]):
		rows = [line for line in shown(*command) if site in line]
		assert [next(i for i in ids if i in line) for line in rows] and len(rows) == 3
		assert all(method in line and len(line) < 500 for line in rows)
	searched = shown("jobs", "--method", "deep", "--limit", "1")
	assert searched[-1].startswith("--cursor ") and len(searched[-1]) > 60
	assert any(name in line for line in shown("workers"))
	job = shown("job", ids[0])
	assert any("y" * 500 in line for line in job) and max(map(len, job)) < 700
	assert all(len(line) < 700 for line in shown("doctor"))


def test_help_names_environment_and_limits() -> None:
	texts = {name: CliRunner().invoke(main, [*name.split(), "--help"]).output for name in ("", "jobs", "job")}
	assert "JOB_MONITOR_REDIS" in texts[""] and "JOB_MONITOR_SITE" in texts["jobs"]
	assert "at most 30" in texts["jobs"] and "64 kB" in texts["jobs"] and "16 MB" in texts["job"]


@pytest.mark.parametrize("columns", ["60", "20", "400"])
@pytest.mark.parametrize(
	"command", [["queues"], ["workers"], ["jobs"], ["jobs", "--search", "x"], ["doctor"]]
)
def test_no_width_of_the_terminal_is_too_small(
	run: Run, bench: Jobs, monkeypatch: pytest.MonkeyPatch, columns: str, command: list[str]
) -> None:
	monkeypatch.setenv("COLUMNS", columns)
	result = run(*command)
	assert result.exit_code in (0, 1)
	assert result.exception is None or isinstance(result.exception, SystemExit)
	lines = [line for line in result.stdout.splitlines() if not line.startswith("--cursor")]
	assert all(len(line) <= int(columns) for line in lines)


@pytest.fixture
def hostile(jobs: Jobs) -> Jobs:
	"""Control characters in all texts of a job and a worker."""
	call = (f"app.{ESCAPES}", None, (), {f"key{ESCAPES}": ESCAPES, "markup": "[bold red]x[/bold red]"})
	raw = ESCAPES.encode()
	job_id = "a.localhost||x" + ESCAPES
	jobs.raw(job_id, status="failed", data=packed(call), worker_name=raw, meta=packed({"m": ESCAPES}))
	jobs.connection.hset(
		f"rq:job:{job_id}", mapping={"exc_info": raw + b"\nValueError: " + raw, "status": raw}
	)
	jobs.put(job_id, "started")
	jobs.connection.sadd("rq:queues", b"rq:queue:b:" + raw)
	jobs.connection.rpush(b"rq:queue:b:" + raw, job_id)
	fields = {
		"state": raw,
		"queues": b"b:" + raw,
		"hostname": raw,
		"pid": 1,
		"version": raw,
		"current_job": raw,
	}
	jobs.connection.hset("rq:worker:w" + ESCAPES, mapping=fields)
	jobs.connection.sadd("rq:workers", "rq:worker:w" + ESCAPES)
	return jobs


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
	"command",
	[
		["queues"],
		["workers"],
		["jobs"],
		["jobs", "--search", "app"],
		["jobs", "--queue", "gone"],
		["job", "a.localhost||x" + ESCAPES.replace("\0", "")],
		["doctor"],
	],
)
def test_no_control_character_reaches_the_terminal(
	run: Run, hostile: Jobs, command: list[str], as_json: bool
) -> None:
	if command[0] == "job":
		hostile.connection.rename("rq:job:a.localhost||x" + ESCAPES, "rq:job:" + command[1])
	result = run(*command, *(["--json"] if as_json else []))
	assert result.exit_code in (0, 1, 2)
	assert not isinstance(result.exception, Exception), result.exception
	assert not {c for c in result.stdout + result.stderr if ord(c) in terminal_text.HIDDEN and c != "\n"}
	if as_json and result.exit_code < 2:
		json.loads(result.stdout)


def test_a_reader_that_goes_away_is_no_traceback(redis_url: str, jobs: Jobs) -> None:
	for _ in range(300):
		jobs.raw(arguments={"x": "y" * 900})
	command = [sys.executable, "-m", "job_monitor.cli.main", "--redis", redis_url]
	for arguments in (["jobs", "--limit", "300", "--json"], ["jobs", "--limit", "300"]):
		process = subprocess.Popen(
			[*command, *arguments],
			stdout=subprocess.PIPE,
			stderr=subprocess.PIPE,
			env={**os.environ, "PYTHONPATH": str(ROOT)},
		)
		assert process.stdout and process.stderr
		process.stdout.read(10)
		process.stdout.close()
		assert process.stderr.read() == b"", arguments
		process.wait(20)


def test_a_terminal_without_unicode_is_written_to(redis_url: str, bench: Jobs) -> None:
	bench.raw("a||é", status="failed", method="app.größe", arguments={"x": "日本"})
	for command in (["jobs"], ["jobs", "--json"], ["doctor"], ["workers"], ["job", "a||é"]):
		result = program("--redis", redis_url, *command, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
		assert "Traceback" not in result.stderr, (command, result.stderr[-300:])


def test_values_are_plain_json(run: Run, jobs: Jobs) -> None:
	jobs.raw("a||1", arguments={"n": float("nan"), "i": float("inf"), "big": 10**400})
	text = run("job", "a||1", "--json").stdout
	job: Any = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
	assert json.loads(job["arguments"], parse_constant=lambda word: pytest.fail(word))
