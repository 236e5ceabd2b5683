"""The logs of a bench, by name. Sources: bench's templates (`Procfile`, `supervisor.conf`, systemd), `frappe/utils/logger.py`."""

from __future__ import annotations

from dataclasses import dataclass

from job_monitor.core.errors import InvalidQuery
from job_monitor.core.wording import say


@dataclass(frozen=True)
class LogName:
	"""A log of a bench.

	Attributes:
		file: Its file's name.
		about: What is in it.
		level: Level of entries that do not name one.
		per_site: Whether each site has a log of that name, too.
		absent: Why there may be none.
	"""

	name: str
	file: str
	about: str
	level: str
	per_site: bool
	absent: str


_PROCESS = say("it is written under supervisor, systemd or the Procfile of `bench start`")
_LOGGER = say("Frappe writes errors only, unless the log level was changed; so there may be none yet")


def _of_process(name: str, about: str) -> LogName:
	level = "ERROR" if name.endswith(".error") else "INFO"
	return LogName(name, f"{name}.log", about, level, per_site=False, absent=_PROCESS)


def _of_frappe(name: str, about: str) -> LogName:
	return LogName(name, f"{name}.log", about, "INFO", per_site=True, absent=_LOGGER)


_MONITOR_ABSENT = say(
	"it is written every few minutes by the scheduler once the monitor is on: {0}",
	"bench set-config -g -p monitor 1",
)

KNOWN = (
	_of_process("worker.error", say("Exceptions of workers and jobs; stacks after SIGUSR1")),
	_of_process("worker", say("What workers do: jobs begun and ended")),
	_of_frappe("scheduler", say("The scheduler's activity and its errors")),
	LogName("monitor", "monitor.json.log", say("Times of requests and jobs"), "INFO", False, _MONITOR_ABSENT),
	_of_process("schedule", say("Output of the scheduler's process")),
	_of_process("schedule.error", say("Errors of the scheduler's process")),
	_of_frappe("frappe", say("Errors of requests and jobs, with form values")),
	_of_frappe("frappe.web", say("Requests, where the log level lets them through")),
	_of_frappe("job_monitor", say("Errors of this app that were kept from your jobs")),
	_of_frappe("database", say("Changes of tables; slow or failing SQL")),
	_of_process("web", say("Output of the web server")),
	_of_process("web.error", say("Errors of the web server")),
	_of_process("node-socketio", say("Output of socket.io")),
	_of_process("node-socketio.error", say("Errors of socket.io")),
	_of_process("redis-queue", say("Redis of the queues")),
	_of_process("redis-queue.error", say("Errors of the queues' Redis")),
	_of_process("redis-cache", say("Redis of the cache")),
	_of_process("redis-cache.error", say("Errors of the cache's Redis")),
)
NAMES = {log.name: log for log in KNOWN}


def known(name: str) -> LogName:
	"""The log of this name; `worker.error` and `worker.error.log` are the same.

	Raises:
		InvalidQuery: There is no log of that name.
	"""
	short = name.removesuffix(".log") if isinstance(name, str) else ""
	log = NAMES.get(short.removesuffix(".json") if short == "monitor.json" else short)
	if log is None:
		raise InvalidQuery(say("no such log; known are {0}", ", ".join(NAMES)))
	return log
