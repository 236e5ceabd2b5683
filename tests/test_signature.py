"""When two failures are the same: whatever differs from one occurrence to the next does not matter, the rest does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job_monitor.core.signature import frames, normalise, signature

TRACE = """Traceback (most recent call last):
  File "/home/frappe/frappe-bench/apps/frappe/frappe/utils/background_jobs.py", line 222, in execute_job
    retval = method(**kwargs)
  File "/home/frappe/frappe-bench/apps/erpnext/erpnext/stock/ledger.py", line 17, in post
    self.check()
  File "/home/frappe/frappe-bench/apps/erpnext/erpnext/stock/ledger.py", line 99, in check
    frappe.throw("no")
  File "/home/frappe/frappe-bench/apps/frappe/frappe/__init__.py", line 603, in throw
    raise exc
frappe.exceptions.ValidationError: no
"""
FRAPPE_ONLY = """Traceback (most recent call last):
  File "/b/apps/frappe/frappe/email/queue.py", line 5, in flush
  File "/usr/lib/python3.11/smtplib.py", line 255, in __init__
OSError: x
"""


@pytest.mark.parametrize(
	("one", "other"),
	[
		("no such item SINV-00042", "no such item SINV-77"),
		("row 20: qty 1.5 is missing", "row 3: qty 12.75 is missing"),
		("could not find 'Item A'", "could not find 'B'"),
		('Customer "ACME" is disabled', 'Customer "Globex" is disabled'),
		("mail to a.b@example.com failed", "mail to c@d.org failed"),
		("GET https://x.example/a?b=1 timed out", "GET http://y.example timed out"),
		("hash 5f2c9a0b11 expired 2026-01-01 10:00:00.123", "hash a1 expired 2025-12-31 09:59:59"),
		("killed; signal 9", "killed; signal 11"),
	],
)
def test_what_differs_from_one_to_the_next_does_not_matter(one: str, other: str) -> None:
	assert normalise(one) == normalise(other)
	assert signature("E", one, TRACE, "m") == signature("E", other, TRACE, "m")


@pytest.mark.parametrize(
	("one", "other"), [("item is disabled", "item is missing"), ("", "item"), ("a 1 b", "a 1 c")]
)
def test_what_is_said_does_matter(one: str, other: str) -> None:
	assert signature("E", one, TRACE, "m") != signature("E", other, TRACE, "m")


def test_frames_are_those_of_the_app_without_lines() -> None:
	assert frames(TRACE) == ["erpnext/stock/ledger.py:post", "erpnext/stock/ledger.py:check"]
	assert frames(FRAPPE_ONLY) == ["frappe/email/queue.py:flush", "python3.11/smtplib.py:__init__"]
	assert frames("Killed") == []


def test_a_new_release_and_another_bench_change_nothing() -> None:
	moved = TRACE.replace("/home/frappe/frappe-bench", "/srv/b").replace("line 99", "line 104")
	assert signature("E", "x", moved, "m") == signature("E", "x", TRACE, "m")
	assert signature("F", "x", moved, "m") != signature("E", "x", TRACE, "m")
	elsewhere = TRACE.replace("in check", "in validate")
	assert signature("E", "x", elsewhere, "m") != signature("E", "x", TRACE, "m")


def test_a_job_without_traceback_is_known_by_its_method() -> None:
	assert signature("Killed", "", "", "a.b") != signature("Killed", "", "", "a.c")
	assert signature("E", "x", TRACE, "a.b") == signature("E", "x", TRACE, "a.c")


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_has_one(exception: str, message: str, traceback: str, method: str) -> None:
	found = signature(exception, message, traceback, method)
	assert len(found) == 16 and int(found, 16) >= 0
	assert found == signature(exception, message, traceback, method)
	assert len(normalise(message)) <= 300


@pytest.mark.parametrize("piece", ["'", '"', "a-", "1", "-1", "a.b@", "http://", "x1'", "…", " "])
def test_no_text_takes_long(piece: str) -> None:
	began = time.monotonic()
	signature(piece * 20_000, piece * 100_000, (f'  File "{piece}' * 2_000)[:20_000], "m")
	assert time.monotonic() - began < 1.0
