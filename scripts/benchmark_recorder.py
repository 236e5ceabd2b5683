"""Measures the recorder: its time in each job, throughput with and without the app, ingest and roll-up, storage.

Called by `scripts/benchmark --site SITE time throughput rollup storage`. Needs the bench's queues `short` and `long` for
itself. Both arms of the throughput run at once on four workers, of which two have jobs at any time: 100 jobs with this
app's hooks, then 100 without, and so on.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import frappe
from benchmark_workers import ARMS, TIMES, cpu, run_jobs, start

METHODS, QUEUES = 100, ("short", "default", "long", "custom")


# Figures


def measure_time(options: argparse.Namespace) -> None:
	"""The app's two hooks in real work-horses, connecting included."""
	from frappe.utils.background_jobs import get_redis_conn

	connection = get_redis_conn()
	names = [f"{TIMES}:{name}" for name in ("begin", "end")]
	connection.delete(*names)
	worker = start("timed")
	try:
		run_jobs("short", options.jobs // 10)
	finally:
		worker.kill()
	begin, end = (
		[tuple(map(float, row.split())) for row in connection.lrange(name, 0, -1)] for name in names
	)
	connection.delete(*names)
	both = [tuple(map(sum, zip(*pair, strict=True))) for pair in zip(begin, end, strict=False)]
	for name, rows in {"begin": begin, "end": end, "both": both}.items():
		for kind, times in zip(("elapsed", "processor"), map(sorted, zip(*rows, strict=True)), strict=True):
			p99 = times[int(len(times) * 0.99)]
			print(
				f"  {name:6} {kind:9} median {statistics.median(times):.3f} ms, p99 {p99:.3f} ms of {len(times)} jobs"
			)


def measure_throughput(options: argparse.Namespace) -> None:
	workers = {arm: [start(arm), start(arm)] for arm in ARMS}
	took: dict[str, list[float]] = {arm: [] for arm in ARMS}
	try:
		for queue in ARMS.values():
			run_jobs(queue, 40)
		before = {arm: sum(map(cpu, both)) for arm, both in workers.items()}
		for block in range(options.jobs // 100):
			for arm in list(ARMS)[:: 1 if block % 2 else -1]:
				took[arm].append(run_jobs(ARMS[arm], 100))
		used = {arm: sum(map(cpu, both)) - before[arm] for arm, both in workers.items()}
	finally:
		for process in [process for both in workers.values() for process in both]:
			process.kill()
	ratios = [w / wo - 1 for w, wo in zip(took["with"], took["without"], strict=True)]
	number = len(ratios) * 100
	for arm in ARMS:
		rate, each = number / sum(took[arm]), used[arm] / number * 1000
		print(f"  {arm:8} {number:,} jobs: {rate:.1f} a second, {each:.2f} ms of processor time each")
	error = statistics.stdev(ratios) / len(ratios) ** 0.5
	print(
		f"  loss of pairs: median {statistics.median(ratios):+.2%}, mean {statistics.mean(ratios):+.2%} ± {error:.2%}"
	)
	print(f"  loss in processor time: {used['with'] / used['without'] - 1:+.2%}")


def executions(number: int, seconds: float) -> Iterator[Any]:
	"""Random runs that ended within the last `seconds`, oldest first."""
	from job_monitor.core.history.run_records import Run

	rng, now = random.Random(5), time.time()
	for n in range(number):
		method = f"erpnext.module{n % 20}.doctype.task_{n % METHODS}"
		at, took = now - seconds * (1 - n / number), rng.lognormvariate(n % 7 - 3, 0.6)
		outcome = "success" if rng.random() < 0.99 else "failed"
		run = Run(
			f"job{n}", method, rng.choice(QUEUES), at - took, "a@example.com", "w" * 32, rng.expovariate(1)
		)
		values = {"ended_at": at, "outcome": outcome, "duration": took, "cpu": took / 2, "memory": 2**27 + n}
		yield type(run)(**{**vars(run), **values})


def measure_rollup(options: argparse.Namespace) -> None:
	from job_monitor.bridge import context
	from job_monitor.core.history import run_format
	from job_monitor.core.history.run_entries import Failure, pack_failure
	from job_monitor.core.history.runs import RunLog
	from job_monitor.recorder import ingest

	client = context.client()
	log = RunLog(client.connection, client.bench or "", frappe.local.site)
	ingest.ingest()
	failure = pack_failure(
		Failure("ValueError", "wrong", "Traceback\n" + "  File x, line 1, in y\n" * 40, "{}")
	)
	with client.connection.pipeline(transaction=False) as pipe:
		for n, run in enumerate(executions(100_000, 3600)):
			position = (
				pipe.immediate_execute_command("XADD", log.failures_key, "*", "f", failure)
				if run.outcome != "success"
				else b""
			)
			pipe.xadd(log.ended_key, {"r": run_format.pack(run, log.site), "f": position})
			if n % 5000 == 4999:
				pipe.execute()
	began = time.perf_counter()
	written = ingest.ingest()
	print(f"  {written:,} executions, 1 % failed, of an hour: {time.perf_counter() - began:.2f} s")


def measure_storage(options: argparse.Namespace) -> None:
	"""A day of 100 methods x 4 queues."""
	from job_monitor.bridge.history import job_metric
	from job_monitor.core.history.metric_rows import pack

	midnight = datetime(2026, 1, 1, tzinfo=timezone.utc)
	for rate in (1, 10, 60):
		minutes = day_of(midnight, rate)
		hours, days = ({} for _n in range(2))
		for bucket, row in minutes.items():
			for sums, scale in ((hours, job_metric.HOUR), (days, job_metric.DAY)):
				key = job_metric.Bucket(scale, scale.floor(bucket.start), bucket.queue)
				sums.setdefault(key, job_metric.MetricRow()).merge(row)
		print(
			f"  {rate} runs an hour of each method and queue: {sum(r.methods.total().total for r in days.values()):,}"
		)
		for name, rows in {"minute": minutes, "hour": hours, "day": days}.items():
			packed = sum(sum(map(len, pack(row.methods))) for row in rows.values())
			print(
				f"    {name:6} {len(rows):5} rows, packed {packed / 1024:7.0f} KB, in the database {stored(rows)}"
			)


def day_of(start: datetime, rate: int) -> dict[Any, Any]:
	"""Rows of the minutes of a day, with so many runs an hour of each method in each queue."""
	from job_monitor.bridge.history import job_metric

	rng, rows = random.Random(9), {}
	first = job_metric.MINUTE.floor(start)
	for run in executions(rate * 24 * METHODS * len(QUEUES), 86400):
		bucket = job_metric.Bucket(
			job_metric.MINUTE, first + timedelta(minutes=rng.randrange(1440)), run.queue
		)
		rows.setdefault(bucket, job_metric.MetricRow()).methods.of(run.method).add(run)
	return rows


def stored(rows: dict[Any, Any]) -> str:
	"""KB of a table of its own with these rows; the database counts whole pages."""
	from job_monitor.bridge.history import job_metric

	if frappe.db.db_type != "mariadb":
		return "?"
	table = "tabJob Metric Benchmark"
	frappe.db.sql_ddl(f"DROP TABLE IF EXISTS `{table}`")
	frappe.db.sql_ddl(f"CREATE TABLE `{table}` LIKE `tabJob Metric`")
	values = [job_metric._values(bucket, row) for bucket, row in rows.items()]
	frappe.db.bulk_insert(
		"Job Metric Benchmark", list(values[0]), [tuple(value.values()) for value in values]
	)
	frappe.db.commit()
	frappe.db.sql(f"ANALYZE TABLE `{table}`")
	sizes = "SELECT data_length, index_length FROM information_schema.tables WHERE table_name = %s"
	((data, index),) = frappe.db.sql(sizes, table)
	frappe.db.sql_ddl(f"DROP TABLE `{table}`")
	return f"{data / 1024:.0f} KB + {index / 1024:.0f} KB of indexes"
