"""A selection of jobs is checked when it is made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import datetime, timezone
from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.errors import InvalidQuery
from job_monitor.core.rq import keys
from job_monitor.core.rq.query import STATUSES, JobQuery

MOMENT = datetime(2026, 1, 31, tzinfo=timezone.utc)


@pytest.mark.parametrize(
	("fields", "word"),
	[
		({"statuses": ("gone",)}, "gone"),
		({"statuses": ("failed", "")}, "''"),
		({"statuses": "failed"}, "'f'"),
		({"statuses": ("x" * 5000,)}, "x" * 40),
		({"limit": 0}, "limit"),
		({"limit": limits.PAGE_ROWS + 1}, "limit"),
		({"offset": -1}, "offset"),
		({"offset": limits.OFFSET_ROWS + 1}, "offset"),
		({"text": "x" * (limits.PATTERN_CHARS + 1)}, "text"),
		({"site": "x" * (limits.PATTERN_CHARS + 1)}, "site"),
		({"created_after": datetime(2026, 1, 31)}, "time zone"),
		({"created_before": datetime(2026, 1, 31)}, "time zone"),
	],
)
def test_a_bad_filter_says_which_and_what_it_may_be(fields: dict[str, Any], word: str) -> None:
	with pytest.raises(InvalidQuery) as raised:
		JobQuery(**fields)
	assert word in str(raised.value) and len(str(raised.value)) < 300


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_that_is_offered_can_be_asked_for(status: str) -> None:
	assert JobQuery(statuses=(status,)).places == ("failed" if status == "stopped" else status,)


def test_places_are_each_read_once_and_in_one_order() -> None:
	assert JobQuery().places == keys.PLACES
	assert JobQuery(statuses=("stopped", "failed", "queued", "queued")).places == ("queued", "failed")


@pytest.mark.parametrize("name", ["site", "job_id", "method", "user", "text"])
def test_what_no_index_answers_needs_a_scan(name: str) -> None:
	assert JobQuery(**{name: "x"}).needs_scan  # type: ignore[arg-type]


def test_only_status_queue_order_and_window_need_no_scan() -> None:
	assert not JobQuery(queues=("a",), statuses=("failed",), offset=5, newest_first=False).needs_scan
	assert JobQuery(statuses=("stopped",)).needs_scan
	assert JobQuery(created_after=MOMENT).needs_scan and JobQuery(created_before=MOMENT).needs_scan


def test_narrowing_leaves_the_query_it_came_from_alone() -> None:
	query = JobQuery(statuses=("failed",))
	narrower = query.only(method="x", offset=20)
	assert (query.method, query.offset) == ("", 0)
	assert (narrower.statuses, narrower.method, narrower.offset) == (("failed",), "x", 20)
	with pytest.raises(InvalidQuery):
		query.only(limit=0)
	with pytest.raises(FrozenInstanceError):
		query.limit = 5  # type: ignore[misc]
