"""Workers of Frappe's own for benchmarks on a site: with this app's hooks, without them, with a stopwatch around them.

python benchmark_workers.py with|without|timed|horses
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import frappe

METHOD = "job_monitor.tests.support.jobs.succeed"
ARMS = {"with": "short", "without": "long"}
"""Queue of each arm. The other kinds of worker take jobs from `short`."""

TIMES = "job_monitor:benchmark:times"
HORSES = "job_monitor:benchmark:horses"


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
		began, used = time.perf_counter(), time.process_time()
		function(*args, **kwargs)
		used, seconds = time.process_time() - used, time.perf_counter() - began
		connection.rpush(f"{TIMES}:{name}", f"{seconds * 1000} {used * 1000}")

	return measured


def start(arm: str) -> Any:
	return subprocess.Popen(
		[sys.executable, __file__, arm], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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


def note_horses() -> None:
	"""In a worker: tell of each work-horse how long it took, and its processor time."""
	from rq import Worker

	waited = Worker.wait_for_horse

	def wait_for_horse(worker: Any) -> Any:
		began = time.perf_counter()
		found = waited(worker)
		if found[2] is not None:
			used = found[2].ru_utime + found[2].ru_stime
			worker.connection.rpush(HORSES, json.dumps([time.perf_counter() - began, used]))
		return found

	Worker.wait_for_horse = wait_for_horse


if __name__ == "__main__":
	work(sys.argv[1])
