"""`job-monitor remove`: asks, deletes, logs who did so, and names the jobs that stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from job_monitor.cli.main import main
from job_monitor.core import limits
from tests.support.jobs import BENCH, Jobs

OLD = limits.ZOMBIE_GRACE_SECONDS + 60


@pytest.fixture
def bench(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
	for folder in ("sites", "logs"):
		(tmp_path / folder).mkdir()
	config = {"bench_id": BENCH, "redis_queue": redis_url}
	(tmp_path / "sites/common_site_config.json").write_text(json.dumps(config))
	monkeypatch.delenv("JOB_MONITOR_REDIS", raising=False)
	return tmp_path


def remove(bench: Path, *arguments: str, **options: Any) -> Result:
	return CliRunner().invoke(main, ["--bench", str(bench), "remove", *arguments], **options)


@pytest.fixture
def zombie(jobs: Jobs) -> str:
	jobs.raw("a||waits", age=OLD)
	return jobs.raw("a||zombie", place=None, age=OLD, method="app.nightly")


def left(jobs: Jobs) -> set[bytes]:
	return set(jobs.connection.keys("rq:job:*"))


def test_a_zombie_is_removed_and_the_log_says_by_whom(bench: Path, jobs: Jobs, zombie: str) -> None:
	result = remove(bench, zombie, "--yes")
	assert result.exit_code == 0 and "the zombie was deleted" in result.output
	assert left(jobs) == {b"rq:job:a||waits"}
	(line,) = (bench / "logs/job_monitor.log").read_text().splitlines()
	assert "a||zombie (app.nightly): the zombie was deleted" in line and "@" in line


def test_nothing_is_removed_without_an_answer(bench: Path, jobs: Jobs, zombie: str) -> None:
	for answer in ("n\n", ""):
		result = remove(bench, "--zombies", input=answer)
		assert result.exit_code == 1 and "app.nightly, queued for" in result.output
		assert len(left(jobs)) == 2
	assert remove(bench, "--zombies", input="y\n").exit_code == 0
	assert left(jobs) == {b"rq:job:a||waits"}
	assert "No zombie found." in remove(bench, "--zombies", "--yes").output


def test_a_redis_that_gives_no_answer_is_not_one_without_zombies(bench: Path) -> None:
	(bench / "sites/common_site_config.json").write_text(
		json.dumps({"bench_id": BENCH, "redis_queue": "redis://127.0.0.1:1"})
	)
	result = remove(bench, "--zombies", "--yes")
	assert result.exit_code == 2 and "No zombie" not in result.output
	assert "cannot be reached" in result.stderr


def test_a_hunt_that_was_cut_short_says_so(bench: Path, jobs: Jobs) -> None:
	for n in range(3_000):
		jobs.connection.hset(f"rq:job:a||{n}", "status", "finished")
	result = remove(bench, "--zombies", "--yes", "--seconds", "0.001")
	assert result.exit_code == 0 and "--seconds" in result.stderr


def test_a_refusal_is_printed_and_the_other_jobs_are_removed(bench: Path, jobs: Jobs, zombie: str) -> None:
	jobs.raw("a||runs", status="started")
	result = remove(bench, "a||runs", zombie, "--yes", "--json")
	assert result.exit_code == 1
	runs, dead = json.loads(result.stdout)
	assert (runs["done"], runs["id"], dead["done"]) == (False, "a||runs", True)
	assert "stopped first" in runs["message"]
	assert left(jobs) == {b"rq:job:a||waits", b"rq:job:a||runs"}


def test_an_unknown_job_stops_it_before_anything_is_removed(bench: Path, jobs: Jobs, zombie: str) -> None:
	result = remove(bench, zombie, "a||gone", "--yes")
	assert result.exit_code == 1 and "a||gone" in result.output
	assert len(left(jobs)) == 2


@pytest.mark.parametrize("arguments", [[], ["a||1", "--zombies"]])
def test_ids_or_zombies_must_be_named(bench: Path, arguments: list[str]) -> None:
	assert remove(bench, *arguments).exit_code == 2
