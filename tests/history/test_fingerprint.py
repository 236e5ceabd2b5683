"""When two failures are the same: whatever differs from one occurrence to the next does not matter, the rest does."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job_monitor.core.history.fingerprint import frames, headline, normalise, signature

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
	("first", "second"),
	[
		("no such item SINV-00042", "no such item SINV-77"),
		("row 20: qty 1.5 is missing", "row 3: qty 12.75 is missing"),
		("could not find 'Item A'", "could not find 'B'"),
		('Customer "ACME" is disabled', 'Customer "Globex" is disabled'),
		("mail to a.b@example.com failed", "mail to c@d.org failed"),
		("GET https://x.example/a?b=1 timed out", "GET http://y.example timed out"),
		("hash 5f2c9a0b11 expired 2026-01-01 10:00:00.123", "hash a1 expired 2025-12-31 09:59:59"),
		("killed; signal 9", "killed; signal 11"),
		("Note qhcvkfjrus not found", "Note lkmvtrqpag not found"),
		("Item SKU-RED-XL is disabled", "Item SKU-BLUE-S is disabled"),
		("<strong>Jane</strong> has left", "<strong>Bo</strong> has left"),
		('<a href="/app/item/x">X</a> is gone', '<a href="/app/item/y z">Y Z</a> is gone'),
		("can't find 'O'Brien' today", "can't find 'Ann' today"),
		("(1146, \"Table '_1a.tabFoo' doesn't exist\")", "(1146, \"Table '_2b.tabBar' doesn't exist\")"),
	],
)
def test_parts_that_differ_between_occurrences_do_not_matter(first: str, second: str) -> None:
	assert normalise(first) == normalise(second)
	assert signature("E", first, TRACE, "m") == signature("E", second, TRACE, "m")


@pytest.mark.parametrize(
	("first", "second"),
	[
		("item is disabled", "item is missing"),
		("", "item"),
		("a 1 b", "a 1 c"),
		("(1054, \"Unknown column 'x' in 'SELECT'\")", "(1146, \"Table 'a.b' doesn't exist\")"),
		("(1213, 'Deadlock found')", "(1205, 'Lock wait timeout exceeded')"),
		(
			"404 Client Error: Not Found for url: https://a",
			"502 Server Error: Bad Gateway for url: https://a",
		),
		("Workflow is broken", "Knowledge is broken"),
	],
)
def test_the_rest_of_the_message_matters(first: str, second: str) -> None:
	assert signature("E", first, TRACE, "m") != signature("E", second, TRACE, "m")


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


def test_a_headline_keeps_the_fact() -> None:
	assert headline("KeyError", "'customer'") == "KeyError: 'customer'"
	error = "(1054, \"Unknown column 'x' in 'SELECT'\")"
	assert headline("ProgrammingError", error) == f"ProgrammingError: {error}"
	assert headline("Killed", "") == "Killed" and headline("", "") == ""
	assert headline("ValidationError", "two\n\tlines") == "ValidationError: two lines"
	assert len(headline("E", "x" * 1000)) == 140 and headline("E", "x" * 1000).endswith("…")


def test_frames_of_a_group_of_exceptions_are_seen() -> None:
	grouped = "\n".join("  | " + line for line in TRACE.splitlines())
	assert frames(grouped) == frames(TRACE)


def test_random_names_without_a_digit_are_nearly_all_left_out() -> None:
	random = Random(1)
	names = ["".join(random.choices("abcdefghijklmnopqrstuv", k=10)) for _ in range(2000)]
	assert sum(normalise(name) != "…" for name in names) < 200


@pytest.mark.parametrize(
	"piece", ["'", '"', "a-", "1", "-1", "a.b@", "http://", "x1'", "…", " ", "\n", "  ", "<b ", "x"]
)
def test_no_text_takes_long(piece: str) -> None:
	began = time.monotonic()
	signature(piece * 20_000, piece * 100_000, piece * 100_000, "m")
	signature("E", "", f'  File "{piece}' * 20_000, "m")
	assert time.monotonic() - began < 1.0
