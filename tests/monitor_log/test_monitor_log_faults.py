"""What Frappe's flushes, clients, clocks and rotation do to the monitor's log, and what the report makes of it."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.monitor_log import log_segments, reader
from job_monitor.core.monitor_log.monitor_report import MonitorFilters, MonitorReport
from job_monitor.core.monitor_log.reader import files, read
from tests.monitor_log.test_monitor_log import line, log


def at(number: int, **changes: Any) -> str:
	"""A record of its own minute."""
	return line(
		number,
		timestamp=f"2026-11-{1 + number // 1440:02} {number // 60 % 24:02}:{number % 60:02}:00",
		**changes,
	)


def figures(report: MonitorReport) -> tuple[int, int, int]:
	return report.jobs, report.duplicates, report.broken


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(log_segments, "_PIECE", 2_000)


@pytest.mark.parametrize("kind", ["one file", "rotated", "compressed"])
def test_an_idle_sites_record_counts_once_however_often_it_is_flushed(
	tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
	monkeypatch.setattr(limits, "LOG_DUPLICATES", 10)
	idle = line(0, site="idle.local", uuid="idle", duration=3_600_000_000)
	flushes = [[idle, *(line(n, uuid=f"{flush}-{n}") for n in range(50))] for flush in range(6)]
	lines = [record for flush in flushes for record in flush]
	if kind == "one file":
		log(tmp_path, *lines)
	else:
		old = log(tmp_path, *lines[:120], name="monitor.json.log.1")
		log(tmp_path, *lines[120:])
		os.utime(old, (1e9, 1e9))
		if kind == "compressed":
			old.with_suffix(".1.gz").write_bytes(gzip.compress(old.read_bytes()))
			os.utime(old.with_suffix(".1.gz"), (1e9, 1e9))
			old.unlink()
	report = read(files(tmp_path))
	assert figures(report) == (301, 5, 0) and report.sites["idle.local"] == (1, 0, 3600.0)


def test_a_flush_that_is_written_twice_counts_once(tmp_path: Path) -> None:
	flush = [line(n, site=f"s{n % 3}.local") for n in range(60)]
	assert figures(read([log(tmp_path, *flush, *flush)])) == (60, 60, 0)


def test_if_time_is_short_the_newest_part_of_a_file_is_read(tmp_path: Path) -> None:
	path = log(tmp_path, *(at(n) for n in range(2000)))
	report = read([path], seconds=0)
	assert not report.complete and 0 < report.bytes_read < report.bytes_total
	assert list(report.hours) == ["2026-11-02 09"] and report.jobs < 20


@settings(max_examples=60, deadline=None)
@given(st.integers(-5, 2100), st.integers(300, 5000))
def test_lines_left_unread_for_their_age_would_not_have_counted(
	tmp_path_factory: pytest.TempPathFactory, since: int, piece: int
) -> None:
	folder = tmp_path_factory.mktemp("since")
	log(folder, *(at(n) for n in range(1000)), name="monitor.json.log.1")
	log(folder, *(at(n) for n in range(1000, 2000)))
	moment = datetime.fromtimestamp(1793491200 + 60 * since, timezone.utc)
	with pytest.MonkeyPatch.context() as patch:
		patch.setattr(log_segments, "_PIECE", piece)
		report = read(files(folder), MonitorFilters(since=moment))
	assert (report.jobs, report.complete) == (max(0, 2000 - max(0, since)), True)
	if since >= 1990:
		assert report.lines < 100


def test_a_file_last_written_before_the_period_is_not_opened(tmp_path: Path) -> None:
	path = log(tmp_path, "not even looked at", name="monitor.json.log.1.gz")
	os.utime(path, (1e9, 1e9))
	report = read([path], MonitorFilters(since=datetime(2026, 1, 1, tzinfo=timezone.utc)))
	assert (report.lines, report.problem, report.complete) == (0, "", True)


@pytest.mark.parametrize(
	"changes",
	[
		{"duration": 10**30},
		{"duration": 1e30},
		{"duration": -1},
		{"timestamp": "x" * 30},
		{"timestamp": "2026-13-41 99"},
		{"timestamp": "2026-1-1 1:00:00"},
		{"timestamp": ""},
	],
)
def test_a_record_that_cannot_be_spoils_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
	report = read([log(tmp_path, line(1), line(2, **changes))])
	assert figures(report) == (1, 0, 1) and report.methods[0].total == 1.0
	assert list(report.hours) == ["2026-11-20 10"]


@pytest.mark.parametrize(("wait", "seconds"), [(-5_000_000, 0.0), (1e30, limits.LOG_RUN_SECONDS), ("x", 0.0)])
def test_a_wait_that_cannot_be_is_bounded(tmp_path: Path, wait: Any, seconds: float) -> None:
	assert read([log(tmp_path, line(1, job={"wait": wait}))]).slowest[0].wait == seconds


def test_a_record_written_into_the_middle_of_another_is_saved(tmp_path: Path) -> None:
	report = read([log(tmp_path, line(1)[:50] + line(2), line(3) + "  " + line(4), line(5) + line(6)[:20])])
	assert figures(report) == (4, 0, 2)


def test_sites_and_queues_are_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "LOG_SITES", 2)
	lines = [line(n, site=f"s{n}.local", queue="long", exception="ValueError") for n in range(5)]
	report = read([log(tmp_path, *lines, line(9, site=None, queue=7))])
	assert sum(runs for runs, _errors, _seconds in report.sites.values()) == 6 and len(report.sites) == 3
	assert report.queues == {"long": (5, 5, 5.0), "": (1, 0, 1.0)}


def test_of_more_hours_than_are_kept_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "LOG_HOURS", 2)
	report = read([log(tmp_path, *(at(n) for n in range(0, 600, 5)))])
	assert report.jobs == 120 and set(report.hours) == {"2026-11-01 08", "2026-11-01 09"}


def test_long_values_take_no_memory(tmp_path: Path) -> None:
	long = "x" * 8_000
	lines = [line(n, uuid=f"{n}{long}", site=f"{n}{long}", job={"method": f"{n}{long}"}) for n in range(4000)]
	path = log(tmp_path, *lines)
	del lines
	tracemalloc.start()
	report = read([path])
	assert report.jobs == 4000 and tracemalloc.get_traced_memory()[1] < 20_000_000
	tracemalloc.stop()


def test_a_file_rotated_while_it_is_read_is_not_read_twice(tmp_path: Path) -> None:
	log(tmp_path, line(2), name="monitor.json.log.1")
	current = log(tmp_path, *(line(n, uuid=str(n)) for n in range(100)))
	paths = [current, tmp_path / "monitor.json.log.1"]

	def rotate(_done: int, _total: int) -> None:
		if current.exists():
			current.rename(paths[1])

	assert read(paths, progress=rotate).jobs == 100


def test_a_file_truncated_while_it_is_read_ends_it(tmp_path: Path) -> None:
	path = log(tmp_path, *(at(n) for n in range(200)))
	report = read([path], progress=lambda _done, _total: os.truncate(path, 0))
	assert 0 < report.jobs < 200 and report.broken <= 1


def test_a_problem_names_no_path(tmp_path: Path) -> None:
	report = read([tmp_path / "monitor.json.log"])
	assert "monitor.json.log: No such file" in report.problem and str(tmp_path) not in report.problem


@settings(max_examples=150, deadline=None)
@given(
	st.lists(st.binary(max_size=200) | st.sampled_from([line(n).encode() for n in range(9)]), max_size=60),
	st.integers(1, 900),
	st.booleans(),
	st.integers(0, 40),
)
def test_any_bytes_in_pieces_of_any_size_are_survived(
	tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], piece: int, compressed: bool, cut: int
) -> None:
	data = b"\n".join(lines)
	path = tmp_path_factory.mktemp("fuzz") / ("monitor.json.log" + (".gz" if compressed else ""))
	path.write_bytes(gzip.compress(data)[: -cut or None] if compressed else data)
	whole = {text for text in data.split(b"\n") if text in {line(n).encode() for n in range(9)}}
	with pytest.MonkeyPatch.context() as patch:
		patch.setattr(log_segments, "_PIECE", piece)
		report = reader.read([path])
	assert report.jobs <= 9
	if not compressed or not cut:
		assert report.jobs >= len(whole) and not report.problem
