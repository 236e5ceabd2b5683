"""Measures one evaluation of 50 alert rules with a million jobs on a Redis of its own, on a site with history: a day of
minutes, a week of hours and days, of 100 methods in 4 queues that ran 60 times an hour each. Then the reports over it.

Called by `scripts/benchmark --site SITE alerts`. The history is taken back: it is never committed.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import frappe

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

JOBS, RULES, WORKERS, LOOKS = 1_000_000, 50, 40, 30
RATE, DAYS = 60, 7


def measure_alerts(options: Any) -> None:
	import benchmark
	import redis

	from job_monitor.cli.demo.redis_server import redis_server

	benchmark.BENCH, benchmark.SITES = frappe.utils.get_bench_id(), (frappe.local.site, "another.example.com")
	with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as url:
		connection = redis.Redis.from_url(url)
		benchmark.fill(connection, JOBS)
		benchmark.fill_workers(connection, WORKERS)
		frappe.local.conf.redis_queue = url
		frappe.db.commit()
		schedules = frappe.db.count("Scheduled Job Type")
		print(f"  {RULES} rules, {JOBS:,} jobs, {WORKERS} workers, {schedules} schedules:")
		try:
			# No scheduler runs beside a benchmark: each schedule would have missed runs, which takes half as long again
			moment = frappe.utils.now_datetime()
			frappe.db.sql("update `tabScheduled Job Type` set last_execution = %s", moment)
			frappe.db.delete("Job Metric")
			_print("no history", _look)
			_print(f"with history, {make_history():,} rows", _look)
			_measure_reports()
		finally:
			frappe.db.rollback()


def _measure_reports() -> None:
	from job_monitor.job_monitor.report.job_latency import job_latency
	from job_monitor.job_monitor.report.job_throughput import job_throughput

	week = {"range": "Last 7 Days"}
	_print("Job Latency, 7 days, by method", lambda: job_latency.execute(week))
	_print("Job Latency, 7 days, by time", lambda: job_latency.execute({**week, "group_by": "Time"}))
	by_time = {**week, "method": "task_7", "group_by": "Time"}
	_print("Job Latency, 7 days, one method by time", lambda: job_latency.execute(by_time))
	_print(
		"Job Throughput, 7 days, by method", lambda: job_throughput.execute({**week, "group_by": "Method"})
	)
	_print("Job Throughput, 7 days, by time", lambda: job_throughput.execute(week))


def _print(title: str, work: Callable[[], Any]) -> None:
	times, used = [], []
	for _number in range(LOOKS):
		began, before = time.perf_counter(), time.process_time()
		work()
		times.append((time.perf_counter() - began) * 1000)
		used.append((time.process_time() - before) * 1000)
	times, used = times[3:], used[3:]
	print(
		f"    {title}: median {statistics.median(times):.1f} ms, quickest {min(times):.1f}, slowest {max(times):.1f};"
		f" processor time median {statistics.median(used):.1f} ms, least {min(used):.1f}",
		flush=True,
	)


def _look() -> None:
	"""Ask, and decide what becomes of each subject."""
	from job_monitor.alerts import engine
	from job_monitor.alerts.sources import Sources
	from job_monitor.core import clock
	from job_monitor.core.alerts.transitions import advance

	now = clock.now()
	rules = _rules()
	sources = Sources(now, now, engine.windows(rules))
	seen = engine.look(rules, sources)
	for rule in rules:
		advance(rule, {}, seen[rule.name], now)
	assert not sources.problems, sources.problems


def make_history() -> int:
	"""Rows of Job Metric in place of the site's own, and how far they are summed up; not committed. Returns how many."""
	from benchmark_recorder import day_of

	from job_monitor.bridge.history import baselines, job_metric
	from job_monitor.bridge.history.job_metric import DAY, HOUR, Bucket, MetricRow
	from job_monitor.bridge.history.recorder_progress import STATE
	from job_monitor.bridge.site import state
	from job_monitor.core import clock

	frappe.db.delete(job_metric.METRIC)
	hours_until = HOUR.floor(clock.now() - timedelta(minutes=10))
	days_until = DAY.floor(hours_until)
	minutes = day_of(clock.now() - timedelta(days=1), RATE)
	sums: dict[Bucket, MetricRow] = {}
	for bucket, row in minutes.items():
		hour = HOUR.floor(bucket.start)
		sums.setdefault(Bucket(HOUR, hour, bucket.queue), MetricRow()).merge(row)
		for back in range(1, DAYS + 1):
			# The day begins with the site's clock; what is near midnight counts to the day before or after
			day = DAY.floor(days_until - timedelta(days=back) + timedelta(hours=12))
			sums.setdefault(Bucket(DAY, day, bucket.queue), MetricRow()).merge(row)
	hours = {
		Bucket(HOUR, bucket.start - timedelta(days=back), bucket.queue): row
		for bucket, row in sums.items()
		if bucket.scale is HOUR and bucket.start < hours_until
		for back in range(DAYS + 1)
	}
	days = {bucket: row for bucket, row in sums.items() if bucket.scale is DAY}
	for rows in (minutes, hours, days):
		job_metric.add(rows)
	state.put(STATE, json.dumps({"hours_until": str(hours_until), "days_until": str(days_until)}))
	baselines.refresh()
	return len(minutes) + len(hours) + len(days)


def _rules() -> list[Any]:
	"""The app's own, and more of the kinds that look at queues and methods."""
	from dataclasses import replace

	from job_monitor.alerts.store import rule
	from job_monitor.core.alerts.kinds import DEFAULTS, KINDS

	own = []
	for title, name, values in DEFAULTS:
		kind = KINDS[name]
		row = {"name": title, "kind": name, "severity": kind.severity.value, "muted_until": None}
		row |= {"threshold": kind.threshold, "minimum": kind.minimum, "window_minutes": kind.window_minutes}
		own.append(rule(frappe._dict({**row, **values})))
	repeated = [
		each for each in own if each.kind in ("Failure Rate", "Method Failures", "Queue Age", "Stuck Job")
	]
	missing = RULES - len(own)
	return own + [
		replace(repeated[n % len(repeated)], name=f"more {n}", subject=f"app.module{n}*")
		for n in range(missing)
	]
