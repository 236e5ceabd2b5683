"""Each finding is made when it is due, and a healthy bench has none. The clock is passed in."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.core.durations import duration
from job_monitor.core.findings import Finding, Severity
from job_monitor.core.rq import diagnosis
from job_monitor.core.rq.records import Job, Queue, Snapshot, Verdict, Worker, Zombies

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
QUEUE = "bench:default"


def ago(seconds: float) -> datetime:
	return NOW - timedelta(seconds=seconds)


def worker(**fields: Any) -> Worker:
	return Worker(**({"name": "w1", "state": "idle", "queues": (QUEUE,), "pid": 7, "hostname": "h"} | fields))


def running(**fields: Any) -> Job:
	return Job(
		**({"id": "a||1", "status": "started", "method": "m", "worker": "w1", "timeout": 300} | fields)  # type: ignore[arg-type]
	)


def waiting(age: float, count: int = 1, **fields: Any) -> Queue:
	return Queue(QUEUE, "default", "bench", {"queued": count}, "a||2", ago(age), **fields)


def codes(**parts: Any) -> list[str]:
	return [finding.code for finding in diagnosed(**parts)]


def diagnosed(**parts: Any) -> list[Finding]:
	"""Findings; beside the workers that are given one is alive that serves another queue."""
	other = worker(name="other", queues=("bench:other",))
	return diagnosis.diagnose(Snapshot(NOW, **{**parts, "workers": (*parts.get("workers", ()), other)}))


def test_a_healthy_bench_has_no_findings() -> None:
	assert not codes(
		queues=(waiting(limits.STANDSTILL_SECONDS - 1, 5000),),
		workers=(worker(), worker(name="w2", state="busy", current_job_ids=("a||1",))),
		running=(running(worker="w2", started_at=ago(299)),),
	)


def test_no_worker_at_all_is_never_nothing_wrong() -> None:
	for parts in ({}, {"configured": ("short", "long")}, {"queues": (Queue(QUEUE, "default", "bench", {}),)}):
		(finding,) = diagnosis.diagnose(Snapshot(NOW, **parts))
		assert (finding.code, finding.severity) == ("no-worker", Severity.CRITICAL)
		assert "No worker is alive" in finding.message and finding.hint
	dead = worker(verdict=Verdict.DEAD, reason="x")
	assert [f.code for f in diagnosis.diagnose(Snapshot(NOW, workers=(dead,)))] == [
		"no-worker",
		"dead-worker",
	]
	# Where jobs wait, each queue says so; suspended workers are another matter
	assert codes(queues=(waiting(5),)) == ["no-worker"]
	assert [f.code for f in diagnosis.diagnose(Snapshot(NOW, suspended=True))] == ["suspended"]


def test_a_configured_queue_that_nobody_serves_is_a_warning() -> None:
	(finding,) = diagnosed(workers=(worker(),), configured=("default", "long"))
	assert (finding.code, finding.subject, finding.severity) == ("no-worker", "long", Severity.WARNING)
	assert not codes(workers=(worker(),), configured=("default",))


def test_a_hint_that_is_pasted_runs_nothing_that_a_queues_name_says() -> None:
	for name in ("größe 日本 🚀", "x; touch /tmp/y", "$(id)"):
		queue = Queue(f"bench:{name}", name, "bench", {"queued": 1}, "a||2", ago(5))
		failing = replace(queue, counts={}, failed_lately=99)
		hints = [f.hint for f in diagnosed(queues=(queue,))]
		hints += [f.hint for f in diagnosed(queues=(failing,), configured=(name,))]
		assert len(hints) == 3
		assert all(shlex.split(hint.partition(": ")[2])[-1] == name for hint in hints)


@pytest.mark.parametrize(
	("failed", "finished", "reported"),
	[(89, 0, True), (89, 89, True), (89, 90, False), (9, 0, False), (10, 3, True)],
)
def test_many_failures_at_once_are_found(failed: int, finished: int, reported: bool) -> None:
	queue = Queue(QUEUE, "default", "bench", {}, failed_lately=failed, finished_lately=finished)
	found = diagnosed(queues=(queue,), workers=(worker(),))
	assert [f.code for f in found] == (["failing-jobs"] if reported else [])
	assert not reported or f"{failed} of {failed + finished} jobs" in found[0].message


@pytest.mark.parametrize(
	("age", "state", "severity"),
	[
		(59, "idle", None),
		(60, "idle", Severity.CRITICAL),
		(180, "idle", Severity.CRITICAL),
		(59, "busy", None),
		(60, "busy", Severity.WARNING),
		(299, "busy", Severity.WARNING),
		(300, "busy", Severity.CRITICAL),
	],
)
def test_a_standstill_is_found_in_its_first_minute(age: float, state: str, severity: Severity | None) -> None:
	old = running(started_at=ago(3000), timeout=-1)
	busy = worker(state=state, current_job_ids=("a||1",) if state == "busy" else ())
	found = diagnosed(queues=(waiting(age, 89),), workers=(busy,), running=(old,))
	assert [f.severity for f in found] == ([severity] if severity else [])
	assert not found or (found[0].code == "stalled-queue" and "89 jobs wait" in found[0].message)
	assert not found or (state == "idle") == ("idle and take" in found[0].message)


def test_a_dead_worker_that_held_a_job_is_critical() -> None:
	dead = worker(verdict=Verdict.DEAD, reason="its key is gone", current_job_ids=("a||1",))
	(finding,) = diagnosed(workers=(dead,))
	assert (finding.code, finding.severity, finding.subject) == ("dead-worker", Severity.CRITICAL, "w1")
	assert "a||1" in finding.message and "its key is gone" in finding.message and finding.hint
	idle = replace(dead, current_job_ids=())
	assert diagnosed(workers=(idle,))[0].severity is Severity.WARNING


def test_a_late_worker_is_a_warning_that_names_its_process() -> None:
	(finding,) = diagnosed(workers=(worker(verdict=Verdict.LATE, reason="x"),))
	assert (finding.code, finding.severity) == ("late-worker", Severity.WARNING)
	assert "7" in finding.hint and "h" in finding.hint


@pytest.mark.parametrize(
	("started", "timeout", "stuck"),
	[
		(300 + limits.TIMEOUT_GRACE_SECONDS, 300, False),
		(301 + limits.TIMEOUT_GRACE_SECONDS, 300, True),
		(10**6, -1, False),
		(10**6, None, False),
		(10**6, 0, False),
		(-600, 300, False),  # the worker's clock is ahead of ours
	],
)
def test_a_job_past_its_timeout_is_found_once_the_grace_is_over(
	started: float, timeout: int | None, stuck: bool
) -> None:
	job = running(started_at=ago(started), timeout=timeout)
	assert codes(workers=(worker(state="busy"),), running=(job,)) == (["past-timeout"] if stuck else [])


def test_a_job_without_a_start_is_not_past_its_timeout() -> None:
	assert not codes(workers=(worker(),), running=(running(started_at=None),))


def test_a_job_whose_worker_is_gone_is_found_and_not_called_slow_as_well() -> None:
	job = running(started_at=ago(10**5))
	assert codes(running=(job,)) == ["orphaned-job"]
	assert "orphaned-job" in codes(workers=(worker(verdict=Verdict.DEAD, reason="x"),), running=(job,))


def test_a_job_whose_worker_is_not_known_yet_is_not_orphaned() -> None:
	assert not codes(running=(running(worker="", started_at=ago(1)),))


@pytest.mark.parametrize("status", ["finished", "failed", "queued", "stopped", ""])
def test_a_job_that_ended_while_we_looked_is_not_orphaned(status: str) -> None:
	assert not codes(running=(running(status=status, started_at=ago(10**5)),))


def test_a_zombie_is_found_with_its_age() -> None:
	zombie = Job("a||1", status="queued", method="m", enqueued_at=ago(7200))
	(finding,) = diagnosed(zombies=Zombies((zombie,)))
	assert (finding.code, finding.severity) == ("zombie", Severity.CRITICAL)
	assert "2.0 h" in finding.message


@pytest.mark.parametrize(
	"others", [(), (worker(queues=("bench:long",)),), (worker(queues=("other:default",)),)]
)
def test_a_queue_nobody_serves_is_found(others: tuple[Worker, ...]) -> None:
	(finding,) = diagnosed(queues=(waiting(5),), workers=others)
	assert (finding.code, finding.subject, finding.severity) == ("no-worker", QUEUE, Severity.CRITICAL)
	assert "1 job waits" in finding.message and "5 s" in finding.message


def test_a_queue_served_by_the_dead_only_is_served_by_nobody() -> None:
	dead = worker(verdict=Verdict.DEAD, reason="x")
	assert codes(queues=(waiting(5),), workers=(dead,)) == ["no-worker", "dead-worker"]


def test_an_empty_queue_needs_no_worker() -> None:
	assert not codes(queues=(Queue(QUEUE, "default", "bench", {"queued": 0, "failed": 900}),))


def test_a_queue_that_does_not_move_is_stalled() -> None:
	busy = worker(state="busy", current_job_ids=("a||1",))
	old = running(started_at=ago(3000), timeout=-1)
	(finding,) = diagnosed(queues=(waiting(limits.STALLED_SECONDS, 2),), workers=(busy,), running=(old,))
	assert (finding.code, finding.severity) == ("stalled-queue", Severity.CRITICAL)
	assert "2 jobs wait" in finding.message and "a||1" in finding.hint


def test_a_queue_that_moves_is_behind_at_most() -> None:
	late = limits.BACKLOG_SECONDS
	ended = waiting(late, last_ended_at=ago(10))
	assert codes(queues=(ended,), workers=(worker(),)) == ["backlog"]
	assert not codes(queues=(replace(ended, oldest_enqueued_at=ago(late - 1)),), workers=(worker(),))
	started = running(started_at=ago(10))
	assert codes(queues=(waiting(late),), workers=(worker(),), running=(started,)) == ["backlog"]


def test_a_suspended_bench_is_one_finding_not_many() -> None:
	assert codes(queues=(waiting(10**5),), workers=(worker(),), suspended=True) == ["suspended"]


def test_a_count_that_could_not_be_read_is_said() -> None:
	broken = Queue(QUEUE, "default", "bench", {}, problem="WRONGTYPE")
	(finding,) = diagnosed(queues=(broken,))
	assert finding.code == "unreadable-queue" and "WRONGTYPE" in finding.message


def test_critical_findings_come_first() -> None:
	found = diagnosed(workers=(worker(verdict=Verdict.LATE, reason="x"),), zombies=Zombies((running(),)))
	assert [finding.severity for finding in found] == [Severity.CRITICAL, Severity.WARNING]


@pytest.mark.parametrize(
	("seconds", "words"),
	[
		(None, "unknown"),
		(0, "0 s"),
		(0.02, "20 ms"),
		(1, "1 s"),
		(59.4, "59 s"),
		(59.7, "1 min"),
		(60, "1 min"),
		(3599, "60 min"),
		(3600, "1.0 h"),
		(36_000, "10 h"),
		(86_399, "24 h"),
		(86_400, "1.0 d"),
		(864_000, "10 d"),
		(0.9999, "1 s"),
	],
)
def test_durations_read_as_people_say_them(seconds: float | None, words: str) -> None:
	assert duration(seconds) == words
