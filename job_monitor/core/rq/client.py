"""Asks one Redis: what lists, merges and rows have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.rq import keys
from job_monitor.core.rq.connection import Connection, asking, raise_state
from job_monitor.core.rq.keys import Place


class Reader:
	"""Answers from one Redis.

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
		"""Send commands in one round trip. A refused one answers with its exception in its place.

		Raises:
			CouldNotAsk: Redis gave no answer at all, or says that it answers none now (it loads, its master is down).
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

	def window_command(
		self, place: Place, size: int, offset: int, limit: int, newest: bool
	) -> tuple[Any, ...]:
		"""The command for a window that begins inside the place.

		`size` leaves out expired entries, which stand at a registry's low end.
		"""
		status, key = place[0], keys.place_key(*place)
		last = min(size, offset + limit) - 1
		if status == keys.QUEUED:
			return ("LRANGE", key, -last - 1, -offset - 1) if newest else ("LRANGE", key, offset, last)
		if newest:
			return ("ZREVRANGE", key, offset, last)
		return ("ZRANGE", key, offset - size, last - size)

	def ids_of(self, place: Place, answer: Any, newest: bool) -> list[Place]:
		if isinstance(answer, Exception):
			return []
		ids = [(place[0], keys.job_id_of(keys.text(entry), place[0])) for entry in answer]
		return ids[::-1] if newest and place[0] == keys.QUEUED else ids
