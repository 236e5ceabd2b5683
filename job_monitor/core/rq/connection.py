"""Connects to the Redis that RQ uses, and turns redis-py's errors into this package's.

Frappe's settings: `frappe/utils/redis_queue.py`, `frappe/utils/background_jobs.py:get_redis_conn`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from job_monitor.core import limits
from job_monitor.core.errors import (
	ConfigError,
	CouldNotAsk,
	RedisRefused,
	RedisTimeout,
	RedisUnreachable,
)

Connection = Any
"""A `redis.Redis` without `decode_responses`. redis-py's own annotations differ from release to release."""


def _options() -> dict[str, Any]:
	# One more try at once, for a connection that Redis closed meanwhile; newer redis-py would wait between three
	retry: Any = Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))  # type: ignore[no-untyped-call,unused-ignore]
	timeouts = {"socket_connect_timeout": limits.CONNECT_SECONDS, "socket_timeout": limits.READ_SECONDS}
	return {**timeouts, "retry": retry}


@dataclass(frozen=True)
class Bench:
	"""A bench as its `common_site_config.json` describes it.

	Attributes:
		id: The part of queue names before ":".
		queues: Short names of the queues that its configuration knows.
	"""

	path: Path
	id: str
	queues: tuple[str, ...]
	config: dict[str, Any]


def find_bench(start: Path) -> Bench | None:
	"""The bench that `start` lies in (itself, its `sites`, any folder below), None if in none.

	Raises:
		ConfigError: Its `common_site_config.json` cannot be read.
	"""
	for folder in (start, *start.parents):
		path = folder / "sites" / "common_site_config.json"
		if not path.is_file():
			continue
		try:
			config = json.loads(path.read_text(encoding="utf-8"))
		except (OSError, ValueError) as error:
			raise ConfigError(f"{path}: {error}") from None
		if not isinstance(config, dict):
			raise ConfigError(f"{path}: not a JSON object")
		if url := os.environ.get("FRAPPE_REDIS_QUEUE"):  # Frappe prefers it to the configuration, too
			config["redis_queue"] = url
		bench_id = config.get("bench_id") or str(folder).strip("/").replace("/", "-")
		custom = config.get("workers")
		names = dict.fromkeys(["short", "default", "long", *(custom if isinstance(custom, dict) else ())])
		return Bench(folder, str(bench_id), tuple(names), config)
	return None


def connect_url(url: str, username: str | None = None, password: str | None = None) -> Connection:
	"""A connection by URL: `redis://`, `rediss://` (TLS), `unix://`. Nothing is sent yet.

	Raises:
		ConfigError: The URL is not one of Redis, or names no database by what stands behind the host.
	"""
	if _DATABASE.fullmatch(url.partition("?")[0]) is None:
		raise ConfigError(
			"behind the host of the Redis URL stands the number of a database, as in redis://host:6379/1"
		)
	return _connect_url(url, username, password)


_DATABASE = re.compile(r"rediss?://[^/]*(/\d*)?|(?!rediss?://).*", re.DOTALL)
"""redis-py reads database 0 where it is no number."""


def _connect_url(url: str, username: str | None = None, password: str | None = None) -> Connection:
	"""As Frappe's own workers connect: a database that is no number is 0."""
	credentials = {k: v for k, v in {"username": username, "password": password}.items() if v}
	options = _options()
	if url.startswith("unix:"):
		# redis-py before 5 passes unknown options on to its socket class, which knows no connect timeout
		del options["socket_connect_timeout"]
	try:
		client = redis.Redis.from_url(url, **options, **credentials)
		pool = client.connection_pool
		# Options of the URL win over ours, and RQ's payloads are no texts
		pool.connection_kwargs["decode_responses"] = False
		# It connects to nothing yet, but knows its options
		pool.connection_class(**pool.connection_kwargs)
		return client
	except TypeError:
		raise ConfigError(
			"behind the ? of the Redis URL stands an option that redis-py does not know"
		) from None
	except ValueError:
		# Not the error itself: it quotes the piece it stumbled on, which may be one of the password
		raise ConfigError(
			"the Redis URL must be redis://, rediss:// or unix://, with special characters of a password as %xx"
		) from None


def connect_bench(bench: Bench) -> Connection:
	"""A connection as the bench's own workers make it: plain, with `use_rq_auth`, or through Sentinel.

	Raises:
		ConfigError: `redis_queue` is missing or no URL.
		CouldNotAsk: Sentinel knows no master.
	"""
	config = bench.config
	username = password = None
	if config.get("use_rq_auth"):
		username, password = config.get("rq_username") or bench.id, config.get("rq_password")
	elif os.environ.get("RQ_ADMIN_PASWORD"):  # Frappe's spelling
		username, password = "default", os.environ["RQ_ADMIN_PASWORD"]
	if config.get("redis_queue_sentinel_enabled"):
		return _connect_sentinel(config, username, password)
	url = config.get("redis_queue")
	if not isinstance(url, str) or not url:
		raise ConfigError(f"redis_queue is missing in {bench.path}/sites/common_site_config.json")
	return _connect_url(url, username, password)


def _connect_sentinel(config: dict[str, Any], username: str | None, password: str | None) -> Connection:
	listed = config.get("redis_queue_sentinels")
	nodes = [str(node).rpartition(":") for node in (listed if isinstance(listed, list) else ())]
	if not nodes or not all(host and port.isdigit() for host, _, port in nodes):
		raise ConfigError("redis_queue_sentinels must list host:port")
	service = config.get("redis_queue_master_service")
	if not service:
		raise ConfigError("redis_queue_master_service is missing")
	sentinel_login = {
		"username": config.get("redis_queue_sentinel_username"),
		"password": config.get("redis_queue_sentinel_password"),
	}
	sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
		[(host, int(port)) for host, _, port in nodes],
		sentinel_kwargs={**_options(), **sentinel_login},
		username=config.get("redis_queue_master_username", username),
		password=config.get("redis_queue_master_password", password),
		**_options(),
	)
	return sentinel.master_for(service)


@contextmanager
def asking(connection: Connection) -> Iterator[None]:
	"""Everything that asks Redis runs in here, so that callers see this package's errors only.

	Raises:
		CouldNotAsk: Its subclass says why.
	"""
	try:
		yield
	except redis.exceptions.TimeoutError as error:
		raise RedisTimeout(f"{address(connection)} ({error})") from None
	except redis.exceptions.AuthenticationError as error:
		raise RedisRefused(f"{address(connection)}: {error}") from None
	except (redis.exceptions.ConnectionError, OSError) as error:
		# A wrong password surfaces as a ConnectionError in some releases of redis-py
		kind = RedisRefused if _is_refusal(str(error)) else RedisUnreachable
		raise kind(f"{address(connection)} ({error})") from None
	except redis.exceptions.ResponseError as error:
		refused = _is_refusal(str(error))
		raise (RedisRefused if refused else CouldNotAsk)(f"{address(connection)}: {error}") from None
	except redis.exceptions.RedisError as error:
		raise CouldNotAsk(f"{address(connection)}: {error}") from None


def raise_state(answers: Iterable[Any]) -> None:
	"""Refuse all answers if one of them reports a state of Redis as a whole (loading, master down).

	Raises:
		redis.exceptions.ResponseError: That answer.
	"""
	for answer in answers:
		if isinstance(answer, redis.exceptions.RedisError) and (
			isinstance(answer, _STATES) or str(answer).startswith(_STATE_CODES)
		):
			raise answer


_STATES = (
	redis.exceptions.BusyLoadingError,
	redis.exceptions.MasterDownError,
	redis.exceptions.ClusterDownError,
	redis.exceptions.TryAgainError,
)
_STATE_CODES = ("LOADING ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN ", "BUSY ", "MISCONF ", "NOREPLICAS ")


def _is_refusal(message: str) -> bool:
	return any(
		word in message for word in ("WRONGPASS", "NOAUTH", "NOPERM", "invalid password", "invalid username")
	)


def address(connection: Connection) -> str:
	"""Where a connection leads, without credentials."""
	options = connection.connection_pool.connection_kwargs
	if path := options.get("path"):
		return str(path)
	service = getattr(connection.connection_pool, "service_name", None)
	return str(service) if service else f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
