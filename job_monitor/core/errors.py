"""One tree of errors. The docstring of each class is the message that people see."""

from __future__ import annotations

from job_monitor.core.wording import Wording, say


class JobMonitorError(Exception):
	"""The job monitor could not answer."""

	def __init__(self, detail: str = "") -> None:
		message = Wording((type(self).__doc__ or "").strip())
		self.wording = say("{0} {1}", message, detail) if detail else message
		self.detail = detail
		super().__init__(self.wording)


class InvalidQuery(JobMonitorError):
	"""Bad filter:"""


class JobNotFound(JobMonitorError):
	"""No such job on this Redis (it may have expired):"""


class WorkerNotFound(JobMonitorError):
	"""No such worker on this Redis:"""


class StackUnavailable(JobMonitorError):
	"""No stack can be taken:"""


class ConfigError(JobMonitorError):
	"""Bad configuration:"""


class NoBench(ConfigError):
	"""This is no bench: run it inside one"""


class NoTerminal(ConfigError):
	"""top needs a terminal; use `doctor`, `queues` or `top --json`."""


class NoLog(ConfigError):
	"""There is no log to sum up:"""


class CouldNotAsk(JobMonitorError):
	"""Redis could not be asked."""


class RedisUnreachable(CouldNotAsk):
	"""Redis cannot be reached:"""


class RedisRefused(CouldNotAsk):
	"""Redis refused the credentials or the command:"""


class RedisTimeout(CouldNotAsk):
	"""Redis did not answer in time:"""
