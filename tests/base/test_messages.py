"""Findings and outcomes are made of a code and values, and every code is worded in one table."""

from __future__ import annotations

import json

import pytest

from job_monitor.cli.display import json_text
from job_monitor.core.acts.messages import ACTS, OUTCOMES, outcome, refused
from job_monitor.core.findings import Severity
from job_monitor.core.messages import MESSAGES, finding
from job_monitor.core.wording import Wording

WAITS = {"waiting": 1200, "oldest_seconds": 90.0}
WORKER = {"reason": "it signed off", "job": "a||1", "pid": 70000, "hostname": "h"}
EXAMPLES: dict[str, dict[str, object]] = {
	"suspended": {},
	"no-worker": {"queue": "a b", **WAITS},
	"unreadable-queue": {"problem": "WRONGTYPE"},
	"failing-jobs": {"queue": "short", "failed": 1000, "ended": 2000, "seconds": 600},
	"backlog": {**WAITS, "busy": 1, "workers": 2},
	"stalled-queue": {
		**WAITS,
		"still_seconds": 60,
		"workers": 2,
		"idle": 1,
		"pid": 70000,
		"hostname": "h",
		"jobs": ["a||1"],
	},
	"dead-worker": {"status": "dead", **WORKER},
	"late-worker": {"status": "late", **WORKER},
	"orphaned-job": {"method": "m", "worker": "w"},
	"past-timeout": {"method": "m", "worker": "", "over_seconds": 61, "timeout_seconds": 300},
	"zombie": {"job": "a||1", "method": "", "status": "queued", "seconds": None},
	"lost-runs": {"runs": 1200, "last_at": "2026-11-24 15:00"},
	"unconfirmed-site": {"here": "a", "live": "b"},
}


def test_each_code_has_an_example_here() -> None:
	assert EXAMPLES.keys() == MESSAGES.keys()


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_programs_get_code_and_values_beside_the_english_words(code: str) -> None:
	found = finding(code, Severity.WARNING, "subject", **EXAMPLES[code])
	assert isinstance(found.message, Wording) and "{" not in found.message + found.hint
	shown = json.loads(json_text(found))
	assert (shown["code"], shown["values"]) == (code, EXAMPLES[code])
	assert (shown["message"], shown["hint"]) == (found.message, found.hint)


def test_numbers_have_thousands_and_ids_of_processes_have_none() -> None:
	found = finding("stalled-queue", Severity.WARNING, "q", **EXAMPLES["stalled-queue"])
	assert "1,200 jobs wait" in found.message and "process 70000" in found.hint


@pytest.mark.parametrize("act", sorted(ACTS))
def test_a_refusal_says_why_and_what_the_job_is(act: str) -> None:
	refusal = refused(act, "deferred")
	assert (refusal.done, refusal.code) == (False, f"not-{act}")
	assert refusal.message == f"{ACTS[act].refusal}; this one is deferred"


@pytest.mark.parametrize("code", sorted(OUTCOMES))
def test_each_outcome_is_worded(code: str) -> None:
	came = outcome(code, done=True, why="x" if "{0}" in OUTCOMES[code] else "")
	assert isinstance(came.message, Wording) and "{" not in came.message and came.code == code


def test_who_waits_for_a_deleted_job_is_said() -> None:
	came = outcome("deleted", done=True, dependents=2)
	assert came.message == "it was deleted; 2 jobs that wait for it will not start"
	assert came.values == {"dependents": 2}
