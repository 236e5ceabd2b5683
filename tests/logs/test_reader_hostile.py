"""Names, links, cursors and bytes of any kind: nothing outside the logs is read, nothing hangs, no secret comes out."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery, JobMonitorError
from job_monitor.core.logs.pages import LogFilter
from job_monitor.core.logs.reader import Log
from tests.support.logs import CHAINED, TRACEBACK, at, make_bench, texts, write

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def bench(tmp_path: Path) -> Path:
	return make_bench(tmp_path)


def test_no_cursor_points_behind_the_name_of_a_secret(bench: Path) -> None:
	data = at(1) + at(2, "ERROR") + TRACEBACK + at(3)
	path = write(bench, data)
	inode = path.stat().st_ino
	for offset in range(len(data)):
		cursor = f"{inode:x}-{offset:x}-0-0"
		for page in (
			Log(bench, "scheduler").follow(cursor, settle=0),
			Log(bench, "scheduler").tail(cursor=cursor),
		):
			assert not any("hunter2" in text or text.startswith("unter") for text in texts(page))


@pytest.mark.parametrize("before", [b"", b"first\n"])
def test_of_a_line_longer_than_a_block_only_the_beginning_is_shown(
	bench: Path, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
	monkeypatch.setattr("job_monitor.core.logs.blocks._BLOCK", 50)
	write(bench, before + b"password='" + b"x" * 170 + b"hunter2'\nlast\n")
	shown = texts(Log(bench, "scheduler").tail())
	assert shown[-1] == "last" and not any("xx" in text or "hunter2" in text for text in shown)
	assert any(text.startswith("password=***") for text in shown)


BAD = [
	"",
	".",
	"..",
	"../x",
	"/etc/passwd",
	"a\0",
	"ｗorker",
	"worker.log.1",
	"worker/",
	"WORKER",
	"w" * 9999,
]


@pytest.mark.parametrize("name", BAD)
def test_no_other_name_is_read(bench: Path, name: str) -> None:
	with pytest.raises(InvalidQuery):
		Log(bench, name)
	if name:
		with pytest.raises(InvalidQuery):
			Log(bench, "scheduler", name)


@quick
@given(st.one_of(st.text(), st.sampled_from(BAD).flatmap(lambda bad: st.just("scheduler" + bad))), st.text())
@example("scheduler.log\n", "a.localhost\n")
@example("scheduler", "a.localhost/../../etc")
@example("scheduler\ud800", "\udcff")
def test_no_name_leads_out_of_the_folder(bench: Path, name: str, site: str) -> None:
	try:
		folder = Log(bench, name, site).folder
	except InvalidQuery:
		return
	assert folder in (bench / "logs", bench / "sites" / "a.localhost" / "logs")


@pytest.mark.parametrize("kind", ["link out", "circle", "pipe", "folder", "site"])
def test_only_files_of_the_folder_are_opened(bench: Path, tmp_path: Path, kind: str) -> None:
	path = bench / "logs" / "scheduler.log"
	secret = bench / "secret"
	secret.write_text("secret\n")
	if kind == "site":
		(bench / "sites" / "evil").symlink_to(bench)
		(bench / "site_config.json").write_text("{}")
		with pytest.raises(InvalidQuery):
			Log(bench, "scheduler", "evil")
		return
	if kind in ("link out", "circle"):
		path.symlink_to(secret if kind == "link out" else path)
	else:
		(os.mkfifo if kind == "pipe" else os.mkdir)(path)
	page = Log(bench, "scheduler").tail()
	assert not page.records and page.note and "secret" not in page.note
	assert not Log(bench, "scheduler").follow(page.newer).records


def test_a_link_inside_the_folder_is_read(bench: Path) -> None:
	write(bench, at(1), "scheduler-today.log")
	(bench / "logs" / "scheduler.log").symlink_to("scheduler-today.log")
	assert texts(Log(bench, "scheduler").tail()) == [at(1).strip()]


CURSORS = [
	"",
	"x",
	"1-2-3",
	"1-2-3-4-5",
	"0-0-1-0",
	"1-0-101-0",
	"-1-0-0-0",
	"٣-0-0-0",
	"0-0-0-0\n",
	"f" * 999,
]


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_made_up_cursor_is_refused(bench: Path, cursor: str) -> None:
	with pytest.raises(InvalidQuery):
		Log(bench, "scheduler").follow(cursor)


@pytest.mark.parametrize("wrong", [{"level": "LOUD"}, {"records": 0}, {"records": 9999}, {"text": "x" * 999}])
def test_a_bad_filter_is_refused(wrong: dict[str, object]) -> None:
	with pytest.raises(InvalidQuery):
		LogFilter(**wrong)  # type: ignore[arg-type]


PIECES = [b"\n", b" ", at(1).encode(), TRACEBACK.encode(), CHAINED.encode(), b"\xff\x00", b"x" * 3000, b'{"']


@quick
@given(
	st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=60)), max_size=40),
	st.integers(1, 5),
	st.integers(20, 2000),
	st.integers(0, 1 << 62),
)
def test_any_bytes_are_read_once_each_way(
	bench: Path, pieces: list[bytes], count: int, block: int, offset: int
) -> None:
	data = b"".join(pieces)
	path = write(bench, data)
	log, filters = Log(bench, "scheduler"), LogFilter(records=count)
	with pytest.MonkeyPatch.context() as patch:
		patch.setattr("job_monitor.core.logs.blocks._BLOCK", block)
		patch.setattr(limits, "LOG_PAGE_BYTES", 4 * block)
		keys: list[str] = []
		page = log.tail(filters)
		while page.older:
			keys = [*(record.key for record in page.records), *keys]
			page = log.tail(filters, page.older)
		keys = [*(record.key for record in page.records), *keys]
		assert len(keys) == len(set(keys)) and keys == sorted(
			keys, key=lambda key: int(key.split("-")[1], 16)
		)
		forward: list[str] = []
		cursor = "0-0-0-0"
		for _ in range(len(data) + 2):
			page = log.follow(cursor, filters, settle=0)
			forward += [record.key for record in page.records]
			if cursor == page.newer:
				break
			cursor = page.newer
		assert int(cursor.split("-")[1], 16) == len(data)
		try:
			log.follow(f"{path.stat().st_ino:x}-{offset:x}-0-0", settle=0)
		except JobMonitorError:
			pass


def test_a_huge_file_is_read_at_the_cost_of_a_page(bench: Path) -> None:
	path = write(bench, at(1))
	with path.open("r+b") as file:
		file.seek(10 * 1024**3)
		file.write(b"\n" + at(2).encode() + b"x" * 3_000_000 + b"\n" + at(3).encode())
	log = Log(bench, "scheduler")
	tracemalloc.start()
	begun = time.monotonic()
	page = log.tail()
	assert texts(page)[-1] == at(3).strip() and page.older
	assert page.bytes_read < 2 * limits.LOG_PAGE_BYTES
	log.follow(f"{path.stat().st_ino:x}-5-0-0", settle=0)
	assert tracemalloc.get_traced_memory()[1] < 40_000_000 and time.monotonic() - begun < 5
	tracemalloc.stop()
	assert max(len(text) for text in texts(page)) <= limits.LOG_RECORD_CHARS
