"""Names and times on Redis, in and out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job_monitor.core import clock
from job_monitor.core.rq import keys

EXECUTION = "0123456789abcdef0123456789abcdef"
UUID = "9b2e7c1a-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
	("entry", "job_id"),
	[
		(f"a.localhost||{UUID}", f"a.localhost||{UUID}"),
		(f"a.localhost||{UUID}:{EXECUTION}", f"a.localhost||{UUID}"),
		(f"a.localhost::{UUID}:{EXECUTION}", f"a.localhost::{UUID}"),
		(f"a.localhost::{EXECUTION}", f"a.localhost::{EXECUTION}"),
		(f"a.localhost::{EXECUTION}:{EXECUTION}", f"a.localhost::{EXECUTION}"),
		("a.localhost::scheduled_job::frappe.ping", "a.localhost::scheduled_job::frappe.ping"),
		(f"plain:{EXECUTION.upper()}", f"plain:{EXECUTION.upper()}"),
		(f"plain:{EXECUTION[1:]}", f"plain:{EXECUTION[1:]}"),
		("", ""),
	],
)
def test_the_execution_is_cut_off_a_started_entry_and_nothing_else(entry: str, job_id: str) -> None:
	assert keys.job_id_of(entry, "started") == job_id


@pytest.mark.parametrize("status", [place for place in keys.PLACES if place != "started"])
def test_other_registries_keep_whole_ids(status: str) -> None:
	entry = f"x:{EXECUTION}"
	assert keys.job_id_of(entry, status) == entry


@given(st.text(min_size=1).filter(lambda s: ":" not in s), st.sampled_from(["||", "::"]), st.uuids())
def test_any_site_and_uuid_survive_the_started_registry(site: str, mark: str, job: object) -> None:
	job_id = f"{site}{mark}{job}"
	assert keys.job_id_of(f"{job_id}:{EXECUTION}", "started") == job_id
	assert keys.job_id_of(job_id, "started") == job_id


@pytest.mark.parametrize(
	("job_id", "site"),
	[
		("a.localhost||x", "a.localhost"),
		("a.localhost::x", "a.localhost"),
		("a.localhost||scheduled_job||y", "a.localhost"),
		("a.localhost::scheduled_job::y", "a.localhost"),
		("a.localhost||x::y", "a.localhost"),
		("a.localhost::x||y", "a.localhost"),
		("no-site", ""),
		("a|b:c", ""),
		("||x", ""),
		("", ""),
	],
)
def test_the_site_of_an_id_ends_at_its_first_separator(job_id: str, site: str) -> None:
	assert keys.site_of(job_id) == site


def test_a_site_whose_name_begins_anothers_is_another_site() -> None:
	assert keys.site_of("a.localhost.evil||x") != keys.site_of("a.localhost||x")


@pytest.mark.parametrize(
	("queue", "parts"),
	[
		("home-frappe-bench:default", ("home-frappe-bench", "default")),
		("default", ("", "default")),
		("a:b:long", ("a:b", "long")),
		(":x", ("", "x")),
		("", ("", "")),
	],
)
def test_a_queue_is_a_bench_and_a_short_name(queue: str, parts: tuple[str, str]) -> None:
	assert keys.split_queue(queue) == parts == (keys.bench_of(queue), keys.short_name(queue))


def test_every_place_has_a_key_and_no_other_status_has() -> None:
	assert len({keys.place_key(status, "b:q") for status in keys.PLACES}) == 7
	assert keys.place_key("queued", "b:q") == "rq:queue:b:q"
	assert keys.place_key("started", "b:q") == "rq:wip:b:q"
	with pytest.raises(KeyError):
		keys.place_key("stopped", "b:q")


@given(st.binary())
def test_any_bytes_are_text(raw: bytes) -> None:
	assert keys.text(raw).encode("utf-8").decode("utf-8") == keys.text(raw)


@pytest.mark.parametrize(
	("raw", "moment"),
	[
		(b"2026-01-31T10:20:30.123456Z", (10, 20, 30, 123456)),
		("2026-01-31T10:20:30Z", (10, 20, 30)),
		(b"2026-01-31T10:20:30.123456", (10, 20, 30, 123456)),
		("2026-01-31 10:20:30.123456", (10, 20, 30, 123456)),
		("2026-01-31T12:20:30+02:00", (10, 20, 30)),
	],
)
def test_times_of_rq_are_utc(raw: bytes | str, moment: tuple[int, ...]) -> None:
	assert clock.parse(raw) == datetime(2026, 1, 31, *moment, tzinfo=timezone.utc)


@pytest.mark.parametrize("raw", [None, b"", "", b"None", b"\xff\xfe", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(raw: bytes | str | None) -> None:
	assert clock.parse(raw) is None


@given(st.binary(max_size=40))
def test_any_bytes_are_a_time_or_none(raw: bytes) -> None:
	moment = clock.parse(raw)
	assert moment is None or moment.tzinfo is not None


@pytest.mark.parametrize("seconds", [float("inf"), float("-inf"), float("nan"), 1e20, -1e20])
def test_a_score_outside_the_calendar_is_no_moment(seconds: float) -> None:
	assert clock.from_epoch(seconds) is None


def test_two_hosts_clocks_never_make_a_negative_duration() -> None:
	now = clock.now()
	assert clock.seconds_between(now, now - timedelta(seconds=5)) == 0
	assert clock.seconds_between(now, now + timedelta(seconds=5)) == 5
	assert clock.seconds_between(None, now) is None and clock.seconds_between(now, None) is None
