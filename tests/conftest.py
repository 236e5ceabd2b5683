"""Every test runs on a real Redis that is proven empty before it and emptied after it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from job_monitor.cli.demo import jobs as demo_jobs
from job_monitor.cli.demo.redis_server import redis_server
from job_monitor.core.rq.client import RqClient
from tests.support.jobs import BENCH, Jobs
from tests.support.processes import Workers

demo_jobs.allow_frappe_ids()


def pytest_addoption(parser: pytest.Parser) -> None:
	parser.addoption(
		"--redis-only",
		action="store_true",
		help="leave out files none of whose tests asks a Redis: they are the same whatever RQ is installed",
	)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
	if not config.getoption("redis_only"):
		return
	asking = {item.path for item in items if "redis_url" in getattr(item, "fixturenames", ())}
	config.hook.pytest_deselected(items=[item for item in items if item.path not in asking])
	items[:] = [item for item in items if item.path in asking]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
	"""`unix://` URL of a Redis of this session's own."""
	# Not pytest's own folder: a socket's path may have 107 bytes at most
	with tempfile.TemporaryDirectory(prefix="job-monitor-test-") as folder, redis_server(folder) as url:
		yield url


@pytest.fixture
def connection(redis_url: str) -> Iterator[Any]:
	"""A `redis.Redis` as Frappe's workers use it, on an empty database."""
	with redis.Redis.from_url(redis_url) as connection:
		assert connection.dbsize() == 0, f"left by an earlier test: {connection.keys()[:5]}"
		yield connection
		connection.flushall()


@pytest.fixture
def client(connection: Any) -> RqClient:
	"""Reads the queues of `BENCH`."""
	return RqClient(connection, BENCH)


@pytest.fixture
def jobs(connection: Any) -> Jobs:
	"""Writes jobs: `jobs.enqueue("fail", site=..., queue=...)` through RQ, `jobs.raw(...)` field by field."""
	return Jobs(connection)


@pytest.fixture
def workers(redis_url: str, connection: Any) -> Iterator[Workers]:
	"""Real RQ workers: `workers.burst("default")`, `workers.start("short", "long")`."""
	started = Workers(redis_url)
	yield started
	started.stop_all()
