"""Frappe's monitor log: summed up right, whatever is wrong with it."""

from __future__ import annotations

import gzip
import json
import math
import random
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.cli.main import main
from job_monitor.core import limits
from job_monitor.core.histogram import Histogram
from job_monitor.core.monitor_log import reader
from job_monitor.core.monitor_log.monitor_report import MonitorFilters
from job_monitor.core.monitor_log.reader import OTHERS, read


def line(number: int = 0, **changes: Any) -> str:
	job = {"method": "app.task", "scheduled": False, "wait": 2_000_000} | changes.pop("job", {})
	record = {
		"duration": 1_000_000,
		"job": job,
		"site": "a.local",
		"timestamp": f"2026-11-20 10:00:{number % 60:02}.000000+00:00",
		"transaction_type": "job",
		"uuid": f"id-{number}",
	}
	return json.dumps(record | changes, sort_keys=True, separators=(",", ":"))


def log(folder: Path, *lines: str | bytes, name: str = "monitor.json.log") -> Path:
	path = folder / name
	path.write_bytes(b"".join((x.encode() if isinstance(x, str) else x) + b"\n" for x in lines))
	return path


def test_durations_are_microseconds_and_leave_as_seconds(tmp_path: Path) -> None:
	report = read([log(tmp_path, line(1), line(2, duration=3_000_000))])
	(method,) = report.methods
	assert (method.method, method.count, method.total, method.slowest) == ("app.task", 2, 4.0, 3.0)
	assert method.p50 == pytest.approx(1.0, rel=0.03)
	assert method.wait_p50 == pytest.approx(2.0, rel=0.03)
	assert (report.jobs, report.lines, report.complete) == (2, 2, True)
	assert report.slowest[0].duration == 3.0
	assert report.hours == {"2026-11-20 10": (2, 0, 4.0)}


def test_shares_add_up_and_the_dearest_method_is_first(tmp_path: Path) -> None:
	lines = [line(n, job={"method": f"app.m{n % 3}"}, duration=(n % 3 + 1) * 10**6) for n in range(30)]
	report = read([log(tmp_path, *lines)])
	assert [m.method for m in report.methods] == ["app.m2", "app.m1", "app.m0"]
	assert sum(m.share for m in report.methods) == pytest.approx(1)


def test_a_record_flushed_twice_counts_once(tmp_path: Path) -> None:
	lines = [line(1), line(2), line(2), line(3), line(3), line(3)]
	report = read([log(tmp_path, *lines)])
	assert (report.jobs, report.duplicates) == (3, 3)


def test_duplicates_are_known_across_sites_and_rotation(tmp_path: Path) -> None:
	old = log(tmp_path, line(1), line(2, site="b.local"), name="monitor.json.log.1")
	new = log(tmp_path, line(1), line(3), line(2, site="b.local"))
	assert read([new, old]).jobs == 3


def test_requests_are_not_mixed_with_jobs(tmp_path: Path) -> None:
	request = line(1, transaction_type="request")
	report = read([log(tmp_path, request, line(2), line(3, transaction_type="other"))])
	assert (report.jobs, report.requests, report.other) == (1, 1, 1)


@pytest.mark.parametrize(
	("broken", "jobs", "pieces"),
	[
		(line(1)[:40], 0, 1),
		(line(1) + line(2), 2, 0),
		(line(1) + line(2)[:30], 1, 1),
		("null", 0, 1),
		("[1, 2]", 0, 1),
		('{"transaction_type": "job"}', 0, 1),
		(re.sub(r'"job":{.*?}', '"job":7', line(1)), 0, 1),
		(line(1, duration="long"), 0, 1),
		(line(1, duration=-5), 0, 1),
		(line(1, duration=True), 0, 1),
		(line(1, uuid=None), 0, 1),
		(b"\xff\xfe\x00garbage", 0, 1),
	],
)
def test_broken_lines_are_counted_and_passed_over(
	broken: str | bytes, jobs: int, pieces: int, tmp_path: Path
) -> None:
	report = read([log(tmp_path, line(8), broken, line(9))])
	assert (report.jobs, report.broken) == (jobs + 2, pieces)


def test_filters(tmp_path: Path) -> None:
	path = log(
		tmp_path,
		line(1, site="a.local", queue="long"),
		line(2, site="a.local.evil", job={"method": "app.other"}),
		line(30, timestamp="2026-11-21 10:00:00.000000"),
	)

	def jobs(**filters: Any) -> int:
		return read([path], MonitorFilters(**filters)).jobs

	assert jobs(site="a.local") == 2
	assert jobs(queue="long") == 1
	assert jobs(method="other") == 1
	assert jobs(since=datetime(2026, 11, 21, tzinfo=timezone.utc)) == 1
	assert jobs(until=datetime(2026, 11, 20, 23, tzinfo=timezone.utc)) == 2
	assert jobs(since=datetime(2026, 11, 20, 10, 0, 2, tzinfo=timezone.utc)) == 2
	assert jobs() == 3


def test_rotated_and_zipped_files_are_read_newest_first(tmp_path: Path) -> None:
	import os

	current = log(tmp_path, line(1))
	older = log(tmp_path, line(2), name="monitor.json.log.1")
	oldest = tmp_path / "monitor.json.log.2.gz"
	oldest.write_bytes(gzip.compress((line(3) + "\n").encode()))
	for age, path in enumerate((current, older, oldest)):
		os.utime(path, (1e9 - age, 1e9 - age))
	log(tmp_path, line(4), name="monitor.json.logx")
	(tmp_path / "monitor.json.log.9").symlink_to("/etc/passwd")
	found = reader.files(tmp_path)
	assert found == [current, older, oldest]
	report = read(found)
	assert (report.jobs, report.bytes_read) == (3, report.bytes_total)
	assert reader.files(tmp_path / "nowhere") == []


def test_a_zip_that_is_cut_off_is_a_problem_and_the_rest_counts(tmp_path: Path) -> None:
	rng = random.Random(1)
	lines = "".join(line(n, uuid=f"{rng.random()}") + "\n" for n in range(2000)).encode()
	cut = tmp_path / "monitor.json.log.1.gz"
	cut.write_bytes(gzip.compress(lines)[:-2000])
	report = read([cut, log(tmp_path, line(1))])
	assert cut.name in report.problem
	assert report.jobs > 1


def test_a_file_that_vanishes_is_a_problem(tmp_path: Path) -> None:
	report = read([tmp_path / "monitor.json.log"])
	assert (report.jobs, report.problem != "") == (0, True)


def test_it_stops_when_the_time_is_up(tmp_path: Path) -> None:
	path = log(tmp_path, *(line(n, uuid=str(n)) for n in range(20_000)))
	seen: list[tuple[int, int]] = []
	report = read([path], seconds=0, progress=lambda done, total: seen.append((done, total)))
	assert not report.complete
	assert 0 < report.bytes_read < report.bytes_total == path.stat().st_size
	assert seen


def test_too_many_methods_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "LOG_METHODS", 3)
	report = read([log(tmp_path, *(line(n, job={"method": f"m{n}"}) for n in range(10)))])
	assert {m.method: m.count for m in report.methods} == {"m0": 1, "m1": 1, "m2": 1, OTHERS: 7}


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
	path = tmp_path / "monitor.json.log"
	path.write_bytes(b"x" * 3_000_000 + b"\n" + line(1).encode() + b"\n")
	assert read([path]).jobs == 1


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=120) | st.just(line(5).encode()), max_size=20))
def test_any_bytes_are_survived(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
	path = tmp_path_factory.mktemp("fuzz") / "monitor.json.log"
	path.write_bytes(b"\n".join(pieces))
	report = read([path])
	assert report.jobs <= 1
	assert report.bytes_read == path.stat().st_size


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1e-5, 1e6), min_size=1, max_size=200))
def test_a_percentile_is_off_by_two_percent_at_most(values: list[float]) -> None:
	sketch = Histogram()
	for value in values:
		sketch.add(value)
	for share, found in zip((0.5, 0.95, 1.0), sketch.percentiles(0.5, 0.95, 1.0), strict=True):
		exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
		assert found == pytest.approx(exact, rel=0.0201)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1e4), max_size=30), max_size=5))
def test_merged_sketches_equal_the_sketch_of_all(parts: list[list[float]]) -> None:
	sketches = []
	for part in parts:
		sketch = Histogram()
		for value in part:
			sketch.add(value)
		sketches.append(Histogram(sketch.counts))
	merged = Histogram().merge(sketches)
	assert sum(merged.counts.values()) == sum(map(len, parts))
	whole = Histogram()
	for value in (value for part in parts for value in part):
		whole.add(value)
	assert merged.counts == whole.counts


def test_the_command_prints_methods_and_says_how_to_turn_the_monitor_on(tmp_path: Path) -> None:
	(tmp_path / "sites").mkdir()
	(tmp_path / "logs").mkdir()
	(tmp_path / "sites" / "common_site_config.json").write_text("{}")

	def run(*arguments: str) -> Result:
		return CliRunner().invoke(main, ["--bench", str(tmp_path), "report", *arguments])

	nothing = run()
	assert (nothing.exit_code, "bench set-config -g -p monitor 1" in nothing.output) == (2, True)
	log(tmp_path / "logs", line(1), line(1), line(2, job={"method": "app.\x1b[31mred"}), "broken")
	shown = run()
	assert shown.exit_code == 0
	assert "app.task" in shown.output
	assert "2 jobs of 4 lines; left out: 1 written twice, 1 broken." in shown.output
	assert "\x1b[31mred" not in shown.output
	assert json.loads(run("--json", "--method", "task").output)["jobs"] == 1
