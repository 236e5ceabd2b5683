"""Jobs as Frappe enqueues them, and a worker that runs them without Frappe: for the demo and the tests.

Frappe's conventions are those of `frappe/utils/background_jobs.py` in 15.55.1 and 16.0.0-dev.
"""

from __future__ import annotations

import importlib
import logging
import os
import random
import signal
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable
from typing import Any

import redis
import rq
import rq.job

EXECUTE_JOB = "frappe.utils.background_jobs.execute_job"
TRUNCATE = "frappe.utils.background_jobs.truncate_failed_registry"
RESULT_TTL, FAILURE_TTL = 600, 7 * 86400
SEPARATORS = {15: "::", 16: "||"}
"""Between site and id, by Frappe's version."""


def allow_frappe_ids() -> None:
	"""Let RQ 3 accept Frappe's ids: it refuses "|", which the RQ that Frappe 16 pins accepts."""
	if hasattr(rq.job, "validate_job_id"):
		rq.job.validate_job_id = lambda job_id: None


def payload(site: str, method: str, arguments: dict[str, Any], user: str = "Administrator") -> dict[str, Any]:
	"""The keyword arguments of `execute_job`, as `frappe.enqueue` writes them."""
	return {
		"site": site,
		"user": user,
		"method": method,
		"event": None,
		"job_name": method,
		"is_async": True,
		"kwargs": arguments,
	}


def enqueue(
	connection: Any,
	queue: str,
	site: str,
	method: str,
	/,
	*,
	frappe_version: int = 16,
	job_id: str = "",
	user: str = "Administrator",
	timeout: int = 300,
	at_front: bool = False,
	meta: dict[str, Any] | None = None,
	depends_on: Any = None,
	**arguments: Any,
) -> str:
	"""Enqueue through RQ what `frappe.enqueue` would. Returns the whole job id.

	Args:
		queue: Full name, `bench_id:queue`.
		job_id: The part behind the site; a new uuid if empty.
	"""
	target = rq.Queue(queue, connection=connection)
	job = target.create_job(
		EXECUTE_JOB,
		kwargs=payload(site, method, arguments, user),
		timeout=timeout,
		result_ttl=RESULT_TTL,
		failure_ttl=FAILURE_TTL,
		meta=meta,
		depends_on=depends_on,
		on_failure=rq.Callback(TRUNCATE),
	)
	# Not by the public setter: RQ 2 and newer refuse the ":" of Frappe 15, RQ 3 the "|" of Frappe 16
	job._id = f"{site}{SEPARATORS[frappe_version]}{job_id or uuid.uuid4()}"
	target.enqueue_job(job, at_front=at_front)
	return str(job._id)


# The worker


def stand_in_for_frappe() -> None:
	"""Put a module `frappe.utils.background_jobs` into this process that only calls the job's method."""
	for name in ("frappe", "frappe.utils", "frappe.utils.background_jobs"):
		sys.modules[name] = types.ModuleType(name)
	module: Any = sys.modules["frappe.utils.background_jobs"]
	module.execute_job, module.truncate_failed_registry = execute_job, truncate_failed_registry
	sys.modules["frappe"].utils = sys.modules["frappe.utils"]  # type: ignore[attr-defined]
	sys.modules["frappe.utils"].background_jobs = module  # type: ignore[attr-defined]


def execute_job(
	site: str, method: str, event: Any, job_name: str, kwargs: dict[str, Any], user: str, is_async: bool
) -> Any:
	return (METHODS.get(method) or _resolve(method))(**kwargs)


def truncate_failed_registry(*args: Any) -> None:
	pass


def _resolve(method: str) -> Callable[..., Any]:
	module, _, name = method.rpartition(".")
	found: Callable[..., Any] = getattr(importlib.import_module(module), name)
	return found


def die_with(parent: int) -> None:
	"""Kill this process when its parent is gone, however that ended.

	The process of a job leaves its worker's group, so no signal to the group would reach it.
	"""

	def watch() -> None:
		while os.getppid() == parent:
			time.sleep(0.2)
		os.kill(os.getpid(), signal.SIGKILL)

	threading.Thread(target=watch, daemon=True).start()


class Worker(rq.Worker):
	"""RQ's worker, whose jobs' processes do not outlive it."""

	def main_work_horse(self, *args: Any, **kwargs: Any) -> Any:
		die_with(self.pid or os.getppid())
		return super().main_work_horse(*args, **kwargs)


def work(url: str, queues: list[str], burst: bool) -> None:
	"""Run jobs of these queues in this process, by their full names.

	Args:
		burst: End when no job waits.
	"""
	die_with(os.getppid())
	allow_frappe_ids()
	stand_in_for_frappe()
	logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
	worker = Worker(queues, connection=redis.Redis.from_url(url))
	worker.work(burst=burst, logging_level="CRITICAL")


# The demo's methods


def _work(seconds: float = 0.05, **_arguments: Any) -> None:
	time.sleep(random.uniform(0.5, 1.5) * seconds)


def _import_rows(rows: int, seconds: float, **_arguments: Any) -> None:
	job: Any = rq.get_current_job()
	for row in range(rows):
		if job is not None:
			job.meta |= {"progress": round(100 * row / rows, 1), "message": f"row {row} of {rows}"}
			job.save_meta()
		time.sleep(seconds / rows)


def _send_mail(recipient: str, **_arguments: Any) -> None:
	_work()
	raise ConnectionRefusedError(111, f"SMTP server refused the mail to {recipient}")


def _close_ledger(company: str, **_arguments: Any) -> None:
	balance = {"debit": 1200.0, "credit": 1199.5}
	if balance["debit"] != balance["credit"]:
		raise ValueError(f"Debit and credit of {company} differ by {balance['debit'] - balance['credit']}")


def _ask_slow_server(**_arguments: Any) -> None:
	time.sleep(3600)


def _ignore_timeout(**_arguments: Any) -> None:
	"""Hang where RQ's timeout cannot reach, like code stuck in a C library."""
	signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
	time.sleep(3600)


def _eat_memory(**_arguments: Any) -> None:
	os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out


METHODS: dict[str, Callable[..., Any]] = {
	"frappe.email.queue.flush": _work,
	"frappe.desk.search.sync_global_search": _work,
	"erpnext.stock.reorder_item.reorder_item": _work,
	"erpnext.accounts.utils.recalculate_outstanding": _work,
	"frappe.core.doctype.data_import.data_import.start_import": _import_rows,
	"frappe.email.send_newsletter": _send_mail,
	"erpnext.accounts.close_ledger": _close_ledger,
	"shop_sync.api.pull_orders": _ask_slow_server,
	"shop_sync.api.push_stock": _ignore_timeout,
	"frappe.utils.backups.scheduled_backup": _eat_memory,
	"erpnext.reports.consolidate": _ask_slow_server,
}


if __name__ == "__main__":
	work(sys.argv[1], sys.argv[2].split(","), burst="--burst" in sys.argv)
