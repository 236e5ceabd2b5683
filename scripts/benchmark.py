"""Measures core beside RQ's own ways of reading, on the same Redis, in the same run.

Run it with `scripts/benchmark`. It starts a Redis of its own, fills it with jobs shaped like Frappe's, prints a table
and writes JSON. RQ's ways of reading are measured up to the size where one call takes seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import redis
import rq
from rich.console import Console
from rich.table import Table
from rq import Queue, Worker
from rq.job import Job
from rq.registry import FailedJobRegistry

from job_monitor.cli.demo.redis_server import redis_server
from job_monitor.core.rq import workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.pages import read_page
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.queues import read_queues
from job_monitor.core.rq.search import search

BENCH = "home-frappe-frappe-bench"
QUEUES = ["short", "default", "long", *(f"custom{n}" for n in range(17))]
SITES = ("erp.example.com", "crm.example.com")
SHARES = {"queued": 0.45, "failed": 0.45, "finished": 0.10}
RESULT_TTL, FAILURE_TTL = 600, 7 * 86400
DEAR_ROWS = 100_000
"""RQ's ways of reading are not run over more jobs than this: one call would take minutes."""


def payload(method: str, site: str, number: int) -> bytes:
	kwargs = {
		"doctype": "Sales Invoice",
		"name": f"SINV-{number:07}",
		"customer": "ACME",
		"api_key": "s3cret",
	}
	call = {"site": site, "user": "Administrator", "method": method, "event": None, "job_name": None}
	call |= {"is_async": True, "kwargs": kwargs}
	return zlib.compress(
		pickle.dumps(("frappe.utils.background_jobs.execute_job", None, (), call), protocol=5)
	)


def fill(connection: Any, total: int) -> None:
	"""`total` jobs over 20 queues, two sites and three statuses."""
	rng = random.Random(7)
	now = datetime.now(timezone.utc)
	data = [payload(f"app.module{n % 40}.task{n}", SITES[n % 2], n) for n in range(200)]
	trace = zlib.compress(b"Traceback (most recent call last):\n" + b'  File "app.py", line 7, in run\n' * 12)
	for start in range(0, total, 5000):
		with connection.pipeline(transaction=False) as pipe:
			for number in range(start, min(total, start + 5000)):
				_add(pipe, rng, now - timedelta(seconds=(total - number) * 0.01), data[number % 200], trace)
			pipe.execute()
	connection.sadd("rq:queues", *(f"rq:queue:{BENCH}:{q}" for q in QUEUES))


def _add(pipe: Any, rng: random.Random, at: datetime, data: bytes, trace: bytes) -> None:
	queue = f"{BENCH}:{rng.choice(QUEUES)}"
	status = rng.choices(list(SHARES), list(SHARES.values()))[0]
	job_id = f"{rng.choice(SITES)}||{uuid.UUID(int=rng.getrandbits(128))}"
	stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
	fields = {"status": status, "origin": queue, "created_at": stamp, "enqueued_at": stamp, "data": data}
	fields |= {
		"timeout": 300,
		"description": "frappe.utils.background_jobs.execute_job(...)",
		"worker_name": "",
	}
	if status == "queued":
		pipe.rpush(f"rq:queue:{queue}", job_id)
	else:
		fields |= {"started_at": stamp, "ended_at": stamp}
		ttl = FAILURE_TTL if status == "failed" else RESULT_TTL + 86400
		pipe.zadd(f"rq:{status}:{queue}", {job_id: int(at.timestamp()) + ttl})
		if status == "failed":
			fields["exc_info"] = trace
	pipe.hset(f"rq:job:{job_id}", mapping=fields)


def fill_workers(connection: Any, total: int) -> None:
	stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
	with connection.pipeline(transaction=False) as pipe:
		for number in range(total):
			name = uuid.uuid4().hex
			queues = f"{BENCH}:{QUEUES[number % len(QUEUES)]}"
			fields = {
				"state": "idle",
				"queues": queues,
				"birth": stamp,
				"last_heartbeat": stamp,
				"pid": number + 1,
			}
			pipe.hset(f"rq:worker:{name}", mapping=fields | {"hostname": "elsewhere", "version": rq.VERSION})
			pipe.expire(f"rq:worker:{name}", 480)
			pipe.sadd("rq:workers", f"rq:worker:{name}")
		pipe.execute()


def measure(work: Callable[[], Any], seconds: float = 1.5, limit: int = 200) -> dict[str, float]:
	"""Median, 95th percentile and best time in milliseconds of one call, after one to warm up."""
	work()
	times: list[float] = []
	until = time.perf_counter() + seconds
	while len(times) < 3 or (time.perf_counter() < until and len(times) < limit):
		started = time.perf_counter()
		work()
		times.append((time.perf_counter() - started) * 1000)
	times.sort()
	return {
		"median": statistics.median(times),
		"p95": times[int(len(times) * 0.95)],
		"best": times[0],
		"runs": len(times),
	}


def cases(
	connection: Any, client: RqClient, total: int
) -> Iterator[tuple[str, str, Callable[[], Any], Callable[[], Any] | None]]:
	"""(name, figure to reach, our work, RQ's own way or None)."""
	failed = Queue(f"{BENCH}:default", connection=connection)
	names = [f"{BENCH}:{q}" for q in QUEUES]
	dear = total <= DEAR_ROWS

	def frappe_page() -> Any:
		ids = [i for q in names for i in FailedJobRegistry(q, connection=connection).get_job_ids()][:20]
		jobs = Job.fetch_many(ids, connection=connection)
		return [(job.kwargs, job.latest_result()) for job in jobs if job]

	def rq_counts() -> Any:
		queues = [Queue(name, connection=connection) for name in names]
		return [
			(len(q), q.failed_job_registry.count, q.finished_job_registry.count, q.get_job_ids(0, 1))
			for q in queues
		]

	def rq_search() -> Any:
		jobs = Job.fetch_many(failed.get_job_ids(), connection=connection)
		return [job for job in jobs if job and "SINV-0000199" in str(job.kwargs)]

	newest = JobQuery()
	yield (
		"page of 20, failed, one queue",
		"<= 3 ms",
		lambda: read_page(client, JobQuery(("default",), ("failed",))),
		None,
	)
	yield (
		"page of 20, failed, all queues",
		">= 100 x",
		lambda: read_page(client, JobQuery(statuses=("failed",))),
		frappe_page,
	)
	deep = int(total / len(QUEUES) * 0.4)
	yield (
		"page of 20, queued, at the far end",
		"flat",
		lambda: read_page(client, JobQuery(("default",), ("queued",), offset=deep)),
		None,
	)
	yield "counts of 20 queues + oldest", "<= 1 ms", lambda: read_queues(client), rq_counts
	yield "newest first over all, offset 0", "<= 15 ms", lambda: read_page(client, newest), None
	yield (
		"newest first over all, offset 1,000",
		"<= 15 ms",
		lambda: read_page(client, newest.only(offset=1000)),
		None,
	)
	yield (
		"all jobs of one queue",
		"",
		lambda: read_page(client, JobQuery(("default",), ("queued",))),
		(lambda: failed.jobs) if dear else None,
	)
	text = JobQuery(text="no such text 77")
	yield (
		"search in arguments, 250 ms budget",
		"<= 300 ms",
		lambda: search(client, text),
		rq_search if dear else None,
	)


def search_speed(client: RqClient) -> dict[str, float]:
	"""Jobs looked at per second, by what the query needs to see."""
	queries = {
		"site and id": JobQuery(site="erp.example.com", job_id="nothing-like-it"),
		"method": JobQuery(method="nothing_like_it"),
		"text in arguments": JobQuery(text="nothing-like-it", statuses=("queued", "finished")),
		"text with digits in arguments": JobQuery(text="no such 77", statuses=("queued", "finished")),
		"text in arguments and tracebacks": JobQuery(text="nothing-like-it"),
	}
	speeds = {}
	for name, query in queries.items():
		started = time.perf_counter()
		result = search(client, query, 1.0)
		speeds[name] = result.looked_at / (time.perf_counter() - started)
	return speeds


def run(total: int, worker_count: int) -> dict[str, Any]:
	with tempfile.TemporaryDirectory(prefix="job-monitor-benchmark-") as folder, redis_server(folder) as url:
		connection = redis.Redis.from_url(url)
		started = time.perf_counter()
		fill(connection, total)
		fill_workers(connection, worker_count)
		filled = time.perf_counter() - started
		client = RqClient(connection, BENCH)
		before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
		results = []
		for name, figure, ours, theirs in cases(connection, client, total):
			row: dict[str, Any] = {"work": name, "figure": figure, "core_ms": measure(ours)}
			if theirs is not None:
				row["rq_ms"] = measure(theirs, 1.0, 20)
				row["ratio"] = row["rq_ms"]["median"] / row["core_ms"]["median"]
			results.append(row)
		row = {
			"work": f"{worker_count} workers",
			"figure": "",
			"core_ms": measure(lambda: workers.read_all(client)),
		}
		row["rq_ms"] = measure(lambda: Worker.all(connection=connection), 1.0, 20)
		row["ratio"] = row["rq_ms"]["median"] / row["core_ms"]["median"]
		results.append(row)
		speeds = search_speed(client)
		memory = connection.info("memory")["used_memory"] / 2**20
	return {
		"jobs": total,
		"fill_seconds": filled,
		"redis_mb": memory,
		"results": results,
		"search_per_second": speeds,
		"rss_start_kb": before,
	}


def show(runs: list[dict[str, Any]]) -> None:
	console = Console(width=120, highlight=False)
	for run in runs:
		title = f"{run['jobs']:,} jobs ({run['redis_mb']:.0f} MB on Redis)"
		table = Table(title=title, title_justify="left", title_style="bold")
		for column in ("Work", "Figure", "core ms", "p95", "RQ's way ms", "ratio"):
			table.add_column(column, justify="left" if column in ("Work", "Figure") else "right")
		for row in run["results"]:
			ours, theirs = row["core_ms"], row.get("rq_ms")
			cells = [f"{theirs['median']:,.1f}", f"{row['ratio']:,.0f} x"] if theirs else ["", ""]
			table.add_row(row["work"], row["figure"], f"{ours['median']:.2f}", f"{ours['p95']:.2f}", *cells)
		console.print(table)
		for name, speed in run["search_per_second"].items():
			console.print(f"  search by {name}: {speed:,.0f} jobs/s")
		console.print()


def main() -> None:
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument(
		"--jobs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes to measure"
	)
	parser.add_argument("--workers", type=int, default=500)
	parser.add_argument("--json", default="benchmark.json", help="where the figures go")
	options = parser.parse_args()
	runs = []
	for total in options.jobs:
		print(f"{total:,} jobs …", file=sys.stderr, flush=True)
		runs.append(run(total, options.workers))
	machine = {
		"cpus": os.cpu_count(),
		"python": platform.python_version(),
		"rq": rq.VERSION,
		"redis-py": redis.__version__,
	}
	with open(options.json, "w", encoding="utf-8") as file:
		json.dump({"machine": machine, "runs": runs}, file, indent=1)
	show(runs)
	print(
		f"Figures are in {options.json}. Python {machine['python']}, RQ {rq.VERSION}, redis-py {redis.__version__}."
	)


if __name__ == "__main__":
	main()
