"""Measures the recorder on a site: its time in each job, throughput with and without the app, rollup, storage;
of the alert rules, and of the sweep.

	cd BENCH/sites && ../env/bin/python ../apps/job_monitor/scripts/benchmark_recorder.py SITE [time throughput rollup storage alerts sweep]

Needs the bench's queues `short` and `long` for itself. Both arms of the throughput run at once on four workers, of which
two have jobs at any time: 100 jobs with this app's hooks, then 100 without, and so on.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import frappe

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from benchmark_alerts import measure_alerts
from benchmark_sweep import measure_sweep, note_horses

METHOD = "job_monitor.tests.site_tests.succeed"
ARMS = {"with": "short", "without": "long"}
METHODS, QUEUES = 100, ("short", "default", "long", "custom")
TIMES = "job_monitor:benchmark:times"


# The worker of one arm


def work(arm: str) -> None:
	"""A worker of Frappe's own; without the app's hooks, or with a stopwatch around the two whole."""
	get_hooks = frappe.get_hooks

	def filtered(hook: Any = None, *args: Any, **kwargs: Any) -> Any:
		found = get_hooks(hook, *args, **kwargs)
		if hook in ("before_job", "after_job"):
			found = [name for name in found if arm != "without" or not name.startswith("job_monitor.")]
		return found

	frappe.get_hooks = filtered
	if arm == "timed":
		from job_monitor import job_hooks

		job_hooks.before = timed("begin", job_hooks.before)
		job_hooks.after = timed("end", job_hooks.after)
	if arm == "horses":
		note_horses()
	from frappe.utils.bench_helper import main

	sys.argv = ["bench", "frappe", "worker", "--queue", ARMS.get(arm, "short"), "--quiet"]
	main()


def timed(name: str, function: Any) -> Any:
	def measured(*args: Any, **kwargs: Any) -> None:
		from rq import get_current_job

		connection = get_current_job().connection
		began = time.perf_counter()
		function(*args, **kwargs)
		connection.rpush(f"{TIMES}:{name}", (time.perf_counter() - began) * 1000)

	return measured


def start(arm: str) -> Any:
	return subprocess.Popen(
		[sys.executable, __file__, "--worker", arm], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
	)


def cpu(process: Any) -> float:
	"""Seconds of processor time of a worker and the work-horses it has waited for."""
	with open(f"/proc/{process.pid}/stat") as file:
		fields = file.read().rpartition(")")[2].split()
	return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def run_jobs(queue: str, number: int) -> float:
	"""Seconds until so many jobs, enqueued at once, have ended."""
	from frappe.utils.background_jobs import create_job_id, execute_job, get_queue

	call = {"site": frappe.local.site, "user": "Administrator", "method": METHOD, "event": None}
	call |= {"job_name": METHOD, "is_async": True, "kwargs": {}}
	target = get_queue(queue)
	started = f"rq:wip:{target.name}"
	others = target.connection.zcard(started)
	target.enqueue_many(
		[
			target.prepare_data(
				execute_job, kwargs=call, job_id=create_job_id(str(n)), timeout=300, result_ttl=5
			)
			for n in range(number)
		]
	)
	began = time.perf_counter()
	while target.count or target.connection.zcard(started) > others:
		time.sleep(0.005)
	return time.perf_counter() - began


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
	begin, end = ([float(text) for text in connection.lrange(name, 0, -1)] for name in names)
	connection.delete(*names)
	both = [one + other for one, other in zip(begin, end, strict=False)]
	for name, times in {"begin": begin, "end": end, "both": both}.items():
		ordered = sorted(times)
		p99 = ordered[int(len(ordered) * 0.99)]
		print(
			f"  {name:6} median {statistics.median(ordered):.3f} ms, p99 {p99:.3f} ms of {len(ordered)} jobs"
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
	from job_monitor.core.history.runs import Run

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
	from job_monitor.core.history import run_records
	from job_monitor.core.history.runs import Failure, RunLog, _pack
	from job_monitor.recorder import rollup

	client = context.client()
	log = RunLog(client.connection, client.bench or "", frappe.local.site)
	rollup.ingest()
	failure = _pack(Failure("ValueError", "wrong", "Traceback\n" + "  File x, line 1, in y\n" * 40, "{}"))
	with client.connection.pipeline(transaction=False) as pipe:
		for n, run in enumerate(executions(100_000, 3600)):
			told = (
				pipe.immediate_execute_command("XADD", log.failures_key, "*", "f", failure)
				if run.outcome != "success"
				else b""
			)
			pipe.xadd(log.ended_key, {"r": run_records.pack(run, log.site), "f": told})
			if n % 5000 == 4999:
				pipe.execute()
	began = time.perf_counter()
	written = rollup.ingest()
	print(f"  {written:,} executions, 1 % failed, of an hour: {time.perf_counter() - began:.2f} s")


def measure_storage(options: argparse.Namespace) -> None:
	"""A day of 100 methods x 4 queues."""
	from job_monitor.bridge.history import job_metric

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
			packed = sum(sum(map(len, row.methods.pack())) for row in rows.values())
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


FIGURES = {
	"time": measure_time,
	"throughput": measure_throughput,
	"rollup": measure_rollup,
	"storage": measure_storage,
	"alerts": measure_alerts,
	"sweep": measure_sweep,
}


def main() -> None:
	parser = argparse.ArgumentParser(
		description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument("site", nargs="?")
	parser.add_argument("figures", nargs="*", metavar="figure", help=" ".join(FIGURES))
	parser.add_argument("--jobs", type=int, default=10_000, help="of each arm of the throughput")
	parser.add_argument("--worker", choices=[*ARMS, "timed", "horses"], help=argparse.SUPPRESS)
	options = parser.parse_args()
	if options.worker:
		work(options.worker)
		return
	frappe.init(site=options.site)
	frappe.connect()
	for name in options.figures or FIGURES:
		print(f"{name}, Frappe {frappe.__version__}", flush=True)
		FIGURES[name](options)


if __name__ == "__main__":
	main()
