"""Measures Desk's list requests on a site, with this app's controllers and with Frappe's, on the same Redis.

	scripts/benchmark --lists SITE [--jobs 10000 100000]

Every request goes through Frappe's whole stack in this process, in turn: with a controller that answers nothing
(Frappe's own cost), with this app's, with Frappe's controllers. The jobs stand on a Redis of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import frappe

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import benchmark  # noqa: E402

from job_monitor.cli.demo.redis_server import redis_server  # noqa: E402

FIELDS = json.dumps([f"`tabRQ Job`.`{name}`" for name in ("name", "status", "method", "queue", "created_at")])
DEAR_ROWS = 100_000
"""Frappe's controller is not asked about more jobs than this: one request would take minutes."""


class Empty:
	@staticmethod
	def get_list(args: Any = None, **kwargs: Any) -> list[Any]:
		return []

	get_count = get_list


def controllers(doctype: str) -> dict[str, Any]:
	from frappe.core.doctype.rq_job.rq_job import RQJob as FrappesRQJob
	from frappe.core.doctype.rq_worker.rq_worker import RQWorker as FrappesRQWorker
	from frappe.model.base_document import get_controller

	frappe.controllers.clear()
	frappes = {"RQ Job": FrappesRQJob, "RQ Worker": FrappesRQWorker}[doctype]
	return {"empty": Empty, "job_monitor": get_controller(doctype), "frappe": frappes}


def request(site: str, sid: str, doctype: str, controller: Any, **params: Any) -> float:
	"""Milliseconds of one request, in a thread of its own as Frappe keeps its state by thread."""
	from frappe.app import application
	from werkzeug.test import Client

	took: list[float] = []
	failed: list[str] = []

	def send() -> None:
		client = Client(application)
		client.set_cookie("sid", sid, domain=site)
		query = {
			"doctype": doctype,
			"fields": FIELDS if doctype == "RQ Job" else '["name","status"]',
			**params,
		}
		frappe.controllers.setdefault(site, {})[doctype] = controller
		began = time.perf_counter()
		answer = client.get(
			"/api/method/frappe.desk.reportview.get", base_url=f"http://{site}", query_string=query
		)
		took.append((time.perf_counter() - began) * 1000)
		if answer.status_code != 200:
			failed.append(answer.get_data(as_text=True)[:2000])

	thread = threading.Thread(target=send)
	thread.start()
	thread.join()
	if failed:
		raise SystemExit(failed[0])
	return took[0]


def measure(ask: Callable[[Any], float], arms: dict[str, Any], seconds: float = 6) -> dict[str, float]:
	"""Median of each arm, asked in turn."""
	times: dict[str, list[float]] = {name: [] for name in arms}
	end = time.monotonic() + seconds
	while time.monotonic() < end or len(times["job_monitor"]) < 5:
		for name, controller in arms.items():
			times[name].append(ask(controller))
	return {name: round(statistics.median(values), 2) for name, values in times.items()}


def main() -> None:
	parser = argparse.ArgumentParser(
		description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	parser.add_argument("site")
	parser.add_argument("--jobs", type=int, nargs="+", default=[10_000, 100_000])
	parser.add_argument("--workers", type=int, default=500)
	options = parser.parse_args()
	frappe.init(site=options.site)
	frappe.connect()
	from frappe.utils import get_bench_id

	benchmark.BENCH, benchmark.QUEUES = get_bench_id(), ["short", "default", "long"]
	benchmark.SITES = (options.site, "another.example.com")
	for total in options.jobs:
		with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as url:
			run(options, total, url)


def run(options: argparse.Namespace, total: int, url: str) -> None:
	import redis
	from frappe.auth import CookieManager, LoginManager
	from frappe.utils import set_request

	connection = redis.Redis.from_url(url)
	benchmark.fill(connection, total)
	benchmark.fill_workers(connection, options.workers)
	config = frappe.get_site_config

	def redirected(*args: Any, **kwargs: Any) -> Any:
		return frappe._dict({**config(*args, **kwargs), "redis_queue": url})

	frappe.get_site_config = redirected
	frappe.init(site=options.site, force=True)
	frappe.connect()
	from frappe.utils import background_jobs

	background_jobs._redis_queue_conn = None
	set_request(path="/")
	frappe.local.cookie_manager = CookieManager()
	frappe.local.login_manager = LoginManager()
	frappe.local.login_manager.login_as("Administrator")
	frappe.db.commit()
	sid = frappe.session.sid
	print(
		f"\n{total:,} jobs, {options.workers} workers, Frappe {frappe.__version__}: median ms of one request"
	)
	requests = {
		"RQ Job, all": ("RQ Job", {"filters": "[]"}),
		"RQ Job, failed": ("RQ Job", {"filters": json.dumps([["RQ Job", "status", "=", "failed"]])}),
		"RQ Worker": ("RQ Worker", {}),
	}
	for title, (doctype, params) in requests.items():
		arms = controllers(doctype)
		if total > DEAR_ROWS:
			del arms["frappe"]
		found = measure(lambda c, d=doctype, p=params: request(options.site, sid, d, c, **p), arms)
		own = found["job_monitor"] - found["empty"]
		ratio = ""
		if "frappe" in found:
			frappes = found["frappe"] - found["empty"]
			ratio = f", Frappe's {frappes:.1f} = {frappes / max(own, 0.01):.0f} x"
		print(f"  {title:16} {found}  the app's own: {own:.1f}{ratio}", flush=True)
	frappe.get_site_config = config


if __name__ == "__main__":
	main()
