"""Logs are read by name: newest first, followed over rotation, whole tracebacks, no secret, no path of the caller's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from job_monitor.core.errors import InvalidQuery
from job_monitor.core.logs import catalog
from job_monitor.core.logs import names as log_names
from job_monitor.core.logs.pages import LogFilter, LogPage
from job_monitor.core.logs.reader import Log
from tests.support.logs import CHAINED, TRACEBACK, at, make_bench, texts, write


@pytest.fixture
def bench(tmp_path: Path) -> Path:
	return make_bench(tmp_path)


def follow(log: Log, page: LogPage, filters: LogFilter | None = None) -> LogPage:
	return log.follow(page.newer, filters or LogFilter(), settle=0)


def test_the_newest_entries_come_with_time_and_level(bench: Path) -> None:
	write(bench, "".join(at(n, "ERROR" if n == 8 else "INFO") for n in range(9)))
	page = Log(bench, "scheduler").tail(LogFilter(records=2))
	assert texts(page) == [at(7).strip(), at(8, "ERROR").strip()]
	assert [record.level for record in page.records] == ["INFO", "ERROR"]
	moment = page.records[1].at
	assert moment and moment.astimezone().strftime("%F %T.%f") == "2026-01-31 10:00:08.250000"


@pytest.mark.parametrize(
	("line", "utc", "level"),
	[
		("[2026-01-31 10:00:00 +0530] [12] [WARNING] gunicorn", "04:30:00", "WARNING"),
		('127.0.0.1 - - [31/Jan/2026 10:00:00] "GET / HTTP/1.1" 200 -', None, "INFO"),
		("7118:M 31 Jan 2026 10:00:00.327 # WARNING Memory", None, "WARNING"),
		('{"duration":1,"timestamp":"2026-01-31 10:00:00.123456+00:00"}', "10:00:00", "INFO"),
		("\x1b[31m2026-01-31T10:00:00Z ERROR coloured", "10:00:00", "ERROR"),
		("2026-02-31 10:00:00,000 ERROR no such day", "", "ERROR"),
		("0001-01-01 00:00:00,000 INFO long ago", None, "INFO"),
		("9999-12-31 23:59:59 -1200 far away", None, "INFO"),
		("10:00:00 short: a time only", "", "INFO"),
		("no heading at all", "", "INFO"),
	],
)
def test_headings_of_every_writer_are_known(bench: Path, line: str, utc: str | None, level: str) -> None:
	write(bench, line + "\n", "worker.log")
	(record,) = Log(bench, "worker").tail().records
	assert record.level == level and record.text == line
	if utc is not None:
		assert (f"{record.at:%T}" if record.at else "") == utc


def test_a_traceback_is_one_entry_with_its_heading(bench: Path) -> None:
	log = at(1) + at(2, "ERROR") + TRACEBACK + CHAINED + "Site: a.localhost\n\n" + at(3)
	write(bench, log)
	first, second, third = Log(bench, "scheduler").tail().records
	assert (first.text, third.text) == (at(1).strip(), at(3).strip())
	assert second.level == "ERROR" and second.text.count("Traceback") == 2 and "Site: a" in second.text


def test_a_traceback_without_a_heading_is_one_entry_and_an_error(bench: Path) -> None:
	dump = 'Thread 0x00 (most recent call first):\n  File "x"\nCurrent thread 0x01:\n  File "y"\n'
	write(bench, TRACEBACK + CHAINED + TRACEBACK + dump + "a line\nanother\n", "worker.log")
	records = Log(bench, "worker").tail().records
	assert [record.level for record in records] == ["ERROR", "ERROR", "INFO", "INFO", "INFO"]
	assert [record.text.count("Traceback") for record in records] == [2, 1, 0, 0, 0]
	assert records[2].text.count("thread") + records[2].text.count("Thread") == 2


def test_levels_and_text_choose(bench: Path) -> None:
	write(bench, at(1, "DEBUG") + at(2, "WARNING") + at(3, "CRITICAL", "Zoë") + at(4))
	log = Log(bench, "scheduler")
	assert len(log.tail(LogFilter(level="WARNING")).records) == 2
	assert texts(log.tail(LogFilter(text="zoË"))) == [at(3, "CRITICAL", "Zoë").strip()]
	assert log.tail(LogFilter(text="not there")).note == "no entry matches"


def test_secrets_are_masked_and_cannot_be_searched_for(bench: Path) -> None:
	write(bench, at(1, "ERROR") + TRACEBACK)
	log = Log(bench, "scheduler")
	(record,) = log.tail().records
	assert "hunter2" not in record.text and "********" in record.text
	assert not log.tail(LogFilter(text="hunter")).records and log.tail(LogFilter(text="'app")).records == ()
	assert log.tail(LogFilter(text="password=***")).records


def test_pages_go_back_to_the_beginning_through_rotated_files(bench: Path) -> None:
	write(bench, "".join(at(n) for n in range(10)), "scheduler.log.10")
	write(bench, "".join(at(n) for n in range(10, 20)), "scheduler.log.2")
	write(bench, "".join(at(n) for n in range(20, 30)), "scheduler.log.1")
	write(bench, "".join(at(n) for n in range(30, 35)))
	write(bench, b"\x1f\x8b not read", "scheduler.log.11.gz")
	write(bench, at(99), "scheduler.log.bak")
	log, seen, cursor = Log(bench, "scheduler"), [], ""
	for _ in range(20):
		page = log.tail(LogFilter(records=4), cursor)
		seen = [*texts(page), *seen]
		if not (cursor := page.older):
			break
	assert seen == [at(n).strip() for n in range(35)]


def test_dated_files_come_in_the_order_of_their_dates(bench: Path) -> None:
	for n, suffix in enumerate(["", "-20260131", "-20260130-1769700000", "-20260130", ".20251231"]):
		write(bench, at(n), f"scheduler.log{suffix}")
	assert texts(Log(bench, "scheduler").tail()) == [at(n).strip() for n in (4, 3, 2, 1, 0)]


def test_nothing_is_lost_between_two_blocks(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr("job_monitor.core.logs.blocks._BLOCK", 101)
	write(bench, "".join(at(n) + ("  more\n" * (n % 6)) for n in range(60)))
	page = Log(bench, "scheduler").tail()
	assert texts(page) == [(at(n) + "  more\n" * (n % 6)).strip() for n in range(60)]


def test_new_entries_are_followed(bench: Path) -> None:
	path = write(bench, at(1))
	log = Log(bench, "scheduler")
	page = log.tail()
	assert follow(log, page).records == ()
	with path.open("a") as file:
		file.write(at(2) + at(3, "ERROR") + TRACEBACK)
	page = follow(log, page)
	assert len(page.records) == 2 and "no such customer" in page.records[1].text
	assert follow(log, page).records == ()


def test_an_entry_that_is_being_written_is_held_back(bench: Path) -> None:
	path = write(bench, at(1))
	log = Log(bench, "scheduler")
	cursor = log.tail().newer
	with path.open("a") as file:
		file.write(at(2) + at(3, "ERROR") + TRACEBACK[:50])
		file.flush()
		page = log.follow(cursor, settle=60)
		assert texts(page) == [at(2).strip()]
		file.write(TRACEBACK[50:])
	os.utime(path, (1, 1))
	assert "no such customer" in log.follow(page.newer, settle=60).records[0].text


def test_an_entry_that_grew_comes_again_under_its_key(bench: Path) -> None:
	path = write(bench, at(1) + at(2, "ERROR") + TRACEBACK[:60])
	log = Log(bench, "scheduler")
	page = log.tail()
	with path.open("a") as file:
		file.write(TRACEBACK[60:])
	(grown,) = follow(log, page).records
	assert grown.key == page.records[-1].key and "no such customer" in grown.text


@pytest.mark.parametrize("how", ["rename", "copy and truncate", "truncate", "remove"])
def test_following_survives_rotation(bench: Path, how: str) -> None:
	path = write(bench, "".join(at(n) for n in range(5)))
	log = Log(bench, "scheduler")
	page = log.tail()
	with path.open("a") as file:
		file.write(at(5))
	if how == "rename":
		path.rename(bench / "logs" / "scheduler.log.1")
	elif how == "copy and truncate":
		write(bench, path.read_bytes(), "scheduler.log.1")
		os.truncate(path, 0)
	elif how == "truncate":
		os.truncate(path, 0)
	else:
		write(bench, "", "new")
		os.replace(bench / "logs" / "new", path)
	with path.open("a") as file:
		file.write("".join(at(n) for n in range(6, 20)))
	page = follow(log, page)
	lost = how in ("truncate", "remove")
	assert texts(page) == [at(n).strip() for n in range(6 if lost else 5, 20)]
	assert bool(page.note) == lost
	assert not follow(log, page).records and not follow(log, page).note


def test_a_log_that_is_not_there_says_why_and_is_followed_once_it_is(bench: Path) -> None:
	log = Log(bench, "worker.error")
	page = log.tail()
	assert not page.records and "not there" in page.note and str(bench) not in page.note
	assert "not there" in follow(log, page).note
	write(bench, TRACEBACK, "worker.error.log")
	page = follow(log, page)
	assert len(page.records) == 1 and not page.note
	assert "set-config" in Log(bench, "monitor").tail().note
	assert write(bench, "") and "is empty" in Log(bench, "scheduler").tail().note


def test_a_site_has_logs_of_its_own(bench: Path) -> None:
	(bench / "sites" / "a.localhost" / "logs" / "scheduler.log").write_text(at(7))
	write(bench, at(1))
	assert texts(Log(bench, "scheduler", "a.localhost").tail()) == [at(7).strip()]
	with pytest.raises(InvalidQuery, match="one log for all sites"):
		Log(bench, "worker", "a.localhost")
	sizes = {log.name: log.size for log in catalog.listing(bench, "a.localhost")}
	assert sizes["scheduler"] == len(at(7)) and "worker" not in sizes
	assert {log.name for log in catalog.listing(bench)} == set(log_names.NAMES)


@pytest.mark.parametrize(
	"name", ["scheduler", "scheduler.log", "monitor", "monitor.json", "monitor.json.log"]
)
def test_a_log_goes_by_its_name_or_its_file(bench: Path, name: str) -> None:
	assert Log(bench, name).log.name in ("scheduler", "monitor")
