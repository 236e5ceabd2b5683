"""Output to a full disk, to a closed stream, to a file; and errors, which are lines on stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from job_monitor.cli.main import main
from tests.cli.test_cli import one_line
from tests.support.jobs import Jobs
from tests.support.processes import ROOT

COMMAND = f"{sys.executable} -m job_monitor.cli.main"


def shell(command: str) -> subprocess.CompletedProcess[str]:
	return subprocess.run(
		["sh", "-c", command],
		env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": ""},
		capture_output=True,
		text=True,
		timeout=60,
		check=False,
	)


@pytest.mark.parametrize("command", ["jobs --json", "jobs", "queues", "doctor", "job a", "--help"])
@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
def test_output_that_cannot_be_written_is_one_line_and_exit_code_2(
	redis_url: str, jobs: Jobs, command: str, where: str
) -> None:
	if not Path("/dev/full").exists():
		pytest.skip("no /dev/full on this system")
	jobs.raw("a")
	done = shell(f"{COMMAND} --redis {redis_url} {command} {where}")
	assert (done.returncode, one_line(done.stderr)) == (2, True), done.stderr[-500:]


def test_top_without_any_input_says_what_it_needs(redis_url: str) -> None:
	done = shell(f"{COMMAND} --redis {redis_url} top <&-")
	assert done.returncode == 2 and one_line(done.stderr) and "terminal" in done.stderr


def test_in_a_file_no_line_is_filled_up_to_the_longest(redis_url: str, jobs: Jobs) -> None:
	lines = {f"line{n}": n for n in range(200)}
	jobs.raw("a", arguments={"long": "x" * 50_000, **lines})
	shown = shell(f"{COMMAND} --redis {redis_url} job a").stdout
	assert "x" * 50_000 in shown and '"line199": 199' in shown
	assert len(shown) < 70_000


def test_an_error_has_a_message_of_its_own(redis_url: str, tmp_path: Path) -> None:
	def said(*arguments: str) -> str:
		return CliRunner().invoke(main, arguments, env={"JOB_MONITOR_REDIS": ""}).stderr

	assert "no worker and no job on this Redis is called nosuch" in said(
		"--redis", redis_url, "stack", "nosuch"
	)
	for line in (said("--bench", str(tmp_path), "queues"), said("--redis", redis_url, "top")):
		assert one_line(line) and "configuration" not in line
