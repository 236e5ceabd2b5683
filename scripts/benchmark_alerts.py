"""Measures one evaluation of 50 alert rules with a million jobs on a Redis of its own; nothing is written to the site.

Called by `scripts/benchmark --site SITE alerts`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import frappe

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

JOBS, RULES, WORKERS, LOOKS = 1_000_000, 50, 40, 30


def measure_alerts(_options: Any) -> None:
	import benchmark
	import redis

	from job_monitor.cli.demo import redis_server

	benchmark.BENCH, benchmark.SITES = frappe.utils.get_bench_id(), (frappe.local.site, "another.example.com")
	with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as url:
		connection = redis.Redis.from_url(url)
		benchmark.fill(connection, JOBS)
		benchmark.fill_workers(connection, WORKERS)
		frappe.local.conf.redis_queue = url
		times = [_look() for _look_number in range(LOOKS)][3:]
		schedules = frappe.db.count("Scheduled Job Type")
		print(f"  {RULES} rules, {JOBS:,} jobs, {WORKERS} workers, {schedules} schedules:")
		print(f"  median {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms")


def _look() -> float:
	"""Milliseconds to ask, and to decide what becomes of each subject."""
	from job_monitor.alerts import engine
	from job_monitor.alerts.facts import Facts
	from job_monitor.core.alerting import step

	began = time.perf_counter()
	now = frappe.utils.now_datetime()
	rules, problems = _rules(), dict[str, str]()
	seen = engine.look(rules, Facts(now, now), problems)
	for rule in rules:
		step(rule, {}, seen[rule.name], now)
	assert not problems, problems
	return (time.perf_counter() - began) * 1000


def _rules() -> list[Any]:
	"""The app's own, and more of the kinds that look at queues and methods."""
	from dataclasses import replace

	from job_monitor.alerts.incidents import rule
	from job_monitor.core.alert_kinds import DEFAULTS, KINDS

	own = []
	for title, name, values in DEFAULTS:
		kind = KINDS[name]
		row = {"name": title, "kind": name, "severity": kind.severity.value, "muted_until": None}
		row |= {"threshold": kind.threshold, "minimum": kind.minimum, "window_minutes": kind.window_minutes}
		own.append(rule(frappe._dict({**row, **values})))
	more = [one for one in own if one.kind in ("Failure Rate", "Method Failures", "Queue Age", "Stuck Job")]
	missing = RULES - len(own)
	return own + [
		replace(more[n % len(more)], name=f"more {n}", subject=f"app.module{n}*") for n in range(missing)
	]
