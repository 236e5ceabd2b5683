"""A Frappe worker whose Redis, database, disk or clock breaks while this app's hooks run, and only then:

	cd BENCH/sites && FRAPPE_REDIS_QUEUE=redis://… python -m job_monitor.tests.support.faulty_worker FAULT FOLDER REDIS_PORT

FOLDER gets `fault`, which `servers.Proxy` reads, and `times`: seconds that each hook took, a line each.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe
import redis


@contextmanager
def _proxy(folder: Path, fault: str) -> Iterator[None]:
	(folder / "fault").write_text(fault)
	try:
		yield
	finally:
		(folder / "fault").unlink()


@contextmanager
def _full(port: int) -> Iterator[None]:
	"""Redis has no memory left, and may drop no key."""
	with redis.Redis(port=port) as server:
		server.config_set("maxmemory", 1)
		try:
			yield
		finally:
			server.config_set("maxmemory", 0)


@contextmanager
def _read_only(port: int) -> Iterator[None]:
	"""Redis follows another server, as after a failover."""
	with redis.Redis(port=port) as server:
		server.replicaof("127.0.0.1", 1)  # type: ignore[arg-type]
		try:
			yield
		finally:
			server.replicaof("NO", "ONE")  # type: ignore[arg-type]


@contextmanager
def _no_database() -> Iterator[None]:
	from frappe.database import get_db

	before = frappe.local.db
	conf = frappe.conf
	names = {"user": conf.db_name, "password": "x"}
	frappe.local.db = get_db(host="127.0.0.1", port=1, **names)
	try:
		yield
	finally:
		frappe.local.db = before


@contextmanager
def _full_disk(folder: Path) -> Iterator[None]:
	"""No file can grow, while Redis is frozen, which is logged."""
	before = resource.getrlimit(resource.RLIMIT_FSIZE)
	with _proxy(folder, "freeze"):
		resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
		try:
			yield
		finally:
			resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def _clock(jump: float) -> Iterator[None]:
	"""The clock jumps, and stays so."""
	now = time.time
	time.time = lambda: now() + jump
	yield


def _fault(name: str, folder: Path, port: int) -> Any:
	faults: dict[str, Callable[[], Any]] = {
		"frozen": lambda: _proxy(folder, "freeze"),
		"slow": lambda: _proxy(folder, "delay 0.3"),
		"drips": lambda: _proxy(folder, "drip 0.1"),
		"full": lambda: _full(port),
		"read-only": lambda: _read_only(port),
		"no database": _no_database,
		"full disk": lambda: _full_disk(folder),
		"clock back": lambda: _clock(-86_400),
		"clock forward": lambda: _clock(86_400),
		"none": lambda: _clock(0),
	}
	return faults[name]()


def main() -> None:
	from frappe.utils.bench_helper import main as bench

	from job_monitor import job_hooks

	name, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

	def broken(hook: Callable[..., None]) -> Callable[..., None]:
		def run(*args: Any, **kwargs: Any) -> None:
			with _fault(name, folder, port):
				began = time.monotonic()
				hook(*args, **kwargs)
				took = time.monotonic() - began
			with (folder / "times").open("a") as times:
				times.write(f"{took:.3f}\n")

		return run

	job_hooks.before = broken(job_hooks.before)  # type: ignore[assignment]
	job_hooks.after = broken(job_hooks.after)  # type: ignore[assignment]
	sys.argv = ["bench", "frappe", "worker", "--queue", "short", "--burst", "--quiet"]
	bench()


if __name__ == "__main__":
	main()
