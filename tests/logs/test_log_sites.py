"""One site's managers are shown what is proven to be of their site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from job_monitor.core.logs import names as log_names
from job_monitor.core.logs import sites as log_sites
from job_monitor.core.logs.reader import Log

SITE = "a.localhost"
MONITOR, ERRORS = log_names.NAMES["monitor"], log_names.NAMES["worker.error"]


@pytest.mark.parametrize("site", ["b.localhost", "a.localhost.evil", "a", "", None, ["a.localhost"]])
def test_a_line_of_the_monitor_is_of_the_site_it_names(site: object) -> None:
	assert log_sites.own(MONITOR, json.dumps({"site": site}).encode(), SITE) is None
	assert log_sites.own(MONITOR, json.dumps({"site": SITE}).encode(), SITE)


@pytest.mark.parametrize(
	"line",
	[
		b'{"site": "a.localhost"}\nsecret of b printed below',
		b"[" * 100_000,
		b'"a.localhost"',
		b'{"path": "/?site=a.localhost", "site": "b.localhost"}',
	],
)
def test_an_entry_that_is_no_line_of_the_monitor_is_of_no_site(line: bytes) -> None:
	assert log_sites.own(MONITOR, line, SITE) is None


@pytest.mark.parametrize("separator", ["||", "::"])
def test_a_line_of_rq_is_of_its_jobs_site_and_the_lines_under_it_are_not_shown(separator: str) -> None:
	heading = (
		f"2026-11-24 10:00:00,123 ERROR rq [Job {SITE}{separator}1]: exception raised while executing (x)"
	)
	assert (
		log_sites.own(ERRORS, f"{heading}\nTraceback\nsecret of b".encode(), SITE) == heading.encode() + b"\n"
	)
	assert log_sites.own(ERRORS, heading.replace(SITE, "b.localhost").encode(), SITE) is None
	assert log_sites.own(ERRORS, heading.replace(SITE, SITE + ".evil").encode(), SITE) is None


def test_a_call_that_quotes_another_sites_job_is_of_its_own_site() -> None:
	line = b"10:00:00 default: task(note='[Job a.localhost||1]: (a.localhost||1)') (b.localhost||2)"
	assert log_sites.own(log_names.NAMES["worker"], line, SITE) is None
	assert log_sites.own(log_names.NAMES["worker"], line, "b.localhost")
	done = b"10:00:00 \x1b[32mdefault\x1b[39m: \x1b[34mJob OK\x1b[39m (b.localhost||2)\n"
	assert (
		log_sites.own(log_names.NAMES["worker"], done, "b.localhost")
		== b"10:00:00 default: Job OK (b.localhost||2)\n"
	)


def test_a_line_longer_than_a_pipe_writes_at_once_may_be_of_two_writers() -> None:
	line = b"10:00:00 default: " + b"x" * 5000 + b" (a.localhost||1)"
	assert log_sites.own(log_names.NAMES["worker"], line, SITE) is None


@pytest.mark.parametrize("name", ["web", "schedule.error", "redis-queue", "frappe"])
def test_other_logs_prove_nothing(name: str) -> None:
	assert not log_sites.can_prove(log_names.NAMES[name])
	assert log_sites.own(log_names.NAMES[name], b"a.localhost (a.localhost||1)", SITE) is None


def test_a_page_counts_the_entries_it_left_out(tmp_path: Path) -> None:
	(tmp_path / "logs").mkdir()
	lines = [json.dumps({"site": site, "uuid": n}) for n, site in enumerate([SITE, "b.localhost"] * 20)]
	(tmp_path / "logs" / "monitor.json.log").write_text("\n".join(lines) + "\n")
	log = Log(tmp_path, "monitor", only_of=SITE)
	page = log.tail()
	assert (len(page.records), log.left_out) == (20, 20)
	assert all(SITE in record.text for record in page.records)
