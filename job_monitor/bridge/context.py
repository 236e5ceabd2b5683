"""Access to RQ for this site: the client of its bench, and core's errors as Frappe's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_bench_id, get_bench_path

from job_monitor.bridge import wording
from job_monitor.bridge.markup import as_html
from job_monitor.core.errors import (
	CouldNotAsk,
	InvalidQuery,
	JobMonitorError,
	JobNotFound,
	WorkerNotFound,
)
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.rq import keys
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.connection import Bench, Connection, connect_bench
from job_monitor.core.rq.records import Worker

STANDARD_QUEUES = ("short", "default", "long")

_CONNECTION_SETTINGS = ("redis_queue", "use_rq_auth", "rq_username", "rq_password", "redis_queue_")


class RedisUnavailable(frappe.ValidationError):
	"""Redis could not be asked. Nothing is known, which is not the same as no jobs and workers."""

	http_status_code = 503


def client() -> RqClient:
	"""The client that reads the queues of this bench. It connects anew only if the settings changed.

	Raises:
		JobMonitorError: Bad configuration. It and all that the client raises later are Frappe's errors inside of
			`frappe_errors`.
	"""
	return RqClient(_connection(_bench()), get_bench_id(), redactor(), queue_names())


def queue_names() -> list[str]:
	"""Short names of the queues that the configuration of this bench names."""
	custom = frappe.conf.get("workers")
	return list(dict.fromkeys([*STANDARD_QUEUES, *(custom if isinstance(custom, dict) else ())]))


def redactor() -> Redactor:
	"""What masks secrets: core's own names, and those of `redacted_arguments` in the site's or bench's configuration."""
	names = frappe.conf.get("redacted_arguments")
	return _redactor(tuple(map(str, names)) if isinstance(names, list) else ())


@contextmanager
def frappe_errors() -> Iterator[None]:
	"""A block in which core's errors are raised as Frappe's, with the same words in the user's language.

	Raises:
		frappe.DoesNotExistError, RedisUnavailable, frappe.ValidationError
	"""
	try:
		yield
	except (JobNotFound, WorkerNotFound) as error:
		raise frappe.DoesNotExistError(wording.translated(error.wording)) from None
	except CouldNotAsk as error:
		frappe.throw(_html(error), RedisUnavailable, _("Redis could not be asked"))
	except InvalidQuery as error:
		frappe.throw(_html(error), frappe.ValidationError, _("Bad Filter"))
	except JobMonitorError as error:
		frappe.throw(_html(error), frappe.ValidationError, _("Job Monitor"))


def _html(error: JobMonitorError) -> str:
	return as_html(wording.translated(error.wording), 500)


def _bench() -> Bench:
	path = Path(get_bench_path())
	config = {k: v for k, v in frappe.conf.items() if k.startswith(_CONNECTION_SETTINGS)}
	return Bench(path, get_bench_id(), tuple(queue_names()), config)


_connections: dict[str, Connection] = {}


def _connection(bench: Bench) -> Connection:
	"""One connection pool per process and setting."""
	settings = repr(sorted(bench.config.items(), key=lambda item: item[0]))
	if settings not in _connections:
		_connections[settings] = connect_bench(bench)
	return _connections[settings]


@lru_cache(maxsize=16)
def _redactor(names: tuple[str, ...]) -> Redactor:
	return Redactor(names)


def is_of_bench(worker: Worker) -> bool:
	"""Whether a worker serves a queue of this bench."""
	return get_bench_id() in {keys.bench_of(queue) for queue in worker.queues}


def is_own(job: Any) -> bool:
	"""Whether a job is of this site: its id's site part, compared whole."""
	return bool(job.site) and job.site == frappe.local.site
