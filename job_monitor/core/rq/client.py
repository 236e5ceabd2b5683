"""Asks one Redis. What is read with a client is in `pages`, `jobs`, `queues`, `workers`, `search` and `counts`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from job_monitor.core.errors import InvalidQuery
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.rq import keys
from job_monitor.core.rq.connection import Connection, asking, raise_state
from job_monitor.core.wording import say


class RqClient:
	"""Commands to one Redis, and the names of the queues on it.

	Args:
		connection: `redis.Redis` without `decode_responses`.
		bench: Only queues of this bench id; None for every queue on the Redis.
		redactor: What to mask; the default one if None.
		configured: Short names of the queues that the bench should serve.
	"""

	def __init__(
		self,
		connection: Connection,
		bench: str | None = None,
		redactor: Redactor | None = None,
		configured: Sequence[str] = (),
	) -> None:
		self.connection = connection
		self.bench = bench
		self.redactor = redactor or Redactor()
		self.configured = tuple(configured)

	def ask(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
		"""The answers to these commands. One round trip. A refused command is answered with its exception.

		Raises:
			CouldNotAsk: Redis gave no answer at all, or none that counts now (it loads, its master is down).
		"""
		commands = list(commands)
		if not commands:
			return []
		with asking(self.connection), self.connection.pipeline(transaction=False) as pipeline:
			for command in commands:
				pipeline.execute_command(*command)
			answers: list[Any] = pipeline.execute(raise_on_error=False)
			raise_state(answers)
			return answers

	def queue_names(self) -> list[str]:
		"""Full names of the queues RQ knows, in order of their names. One round trip.

		Raises:
			CouldNotAsk: Redis gave no answer, or refused.
		"""
		with asking(self.connection):
			members = self.connection.smembers(keys.QUEUES)
		names = {keys.text(member).removeprefix(keys.QUEUE_PREFIX) for member in members}
		return sorted(name for name in names if self.bench is None or keys.bench_of(name) == self.bench)

	def resolve(self, queues: Sequence[str]) -> list[str]:
		"""Full names for short or full ones; all queues for none. One round trip.

		Raises:
			InvalidQuery: No such queue.
		"""
		known = self.queue_names()
		if not queues:
			return known
		unknown = [q for q in queues if not any(q in (name, keys.short_name(name)) for name in known)]
		if unknown:
			names = ", ".join(sorted({keys.short_name(name) for name in known})) or "no queue yet"
			raise InvalidQuery(say("queue {0} is not known here, only: {1}", repr(unknown[0][:80]), names))
		return [name for name in known if name in queues or keys.short_name(name) in queues]
