"""A client of Redis for hooks in somebody else's job: it connects, asks and gives up within one limit of time.

redis-py takes 0.8 ms to connect in a work-horse that was forked just now, and has no limit for connecting, logging in
and asking together; this takes 0.2 ms (`scripts/benchmark --site`). It knows what the hooks need only: commands
whose answers are numbers, texts and errors.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from job_monitor.core import limits
from job_monitor.core.errors import CouldNotAsk, RedisRefused, RedisTimeout, RedisUnreachable
from job_monitor.core.rq import keys
from job_monitor.core.rq.connection import Connection, address

T = TypeVar("T")

Command = Sequence[object]
Answer = int | str | None | RedisRefused

_LINE_BYTES = 64 * 1024
"""No answer to a command of ours is longer."""


class HookClient:
	"""One connection to the Redis that RQ's connection leads to.

	Every method raises CouldNotAsk, and hangs up then.

	Args:
		connection: RQ's own. Its settings are taken, and where it leads to: a name need not be looked up again.
	"""

	def __init__(self, connection: Connection) -> None:
		self._connection, self._pool = connection, connection.connection_pool
		self._socket: socket.socket | None = None
		self._used_at = 0.0
		self._until = 0.0
		self._unread = b""
		self._owed: list[bool] = []

	def post(self, command: Command) -> None:
		"""Send a command and do not wait for its answer, which `ask` reads."""
		if self._owed:  # answers to an earlier job, whose end did not ask for them
			self.close()
		self._within_the_limit(self._send, command)

	def ask(self, command: Command) -> tuple[Answer, list[Answer]]:
		"""The answer to a command, and those to what was posted before on this connection."""
		answers = self._within_the_limit(self._answers, command)
		return answers[-1], answers[:-1]

	def still_there(self) -> bool:
		"""Whether the connection of `post` serves `ask`, too: it is neither closed nor idle for too long."""
		if self._socket is None or time.monotonic() - self._used_at > limits.HOOK_IDLE_SECONDS:
			self.close()
			return False
		self._socket.settimeout(0)
		try:
			while received := self._socket.recv(_LINE_BYTES):
				self._unread += received
		except (BlockingIOError, ssl.SSLWantReadError):
			return True
		except OSError:
			pass
		self.close()
		return False

	@property
	def _place(self) -> str:
		return address(self._connection)

	# Connecting

	def _connect(self) -> socket.socket:
		options = self._pool.connection_kwargs
		connected = self._socket = self._open()
		self._owed, self._unread = [], b""
		preface: list[Command] = []
		username, password = _credentials(options)
		if password:
			preface.append(("AUTH", username, password) if username else ("AUTH", password))
		if options.get("db"):
			preface.append(("SELECT", options["db"]))
		self._greeting = b"".join(map(_packed, preface))
		self._owed += [False] * len(preface)
		return connected

	def _open(self) -> socket.socket:
		"""Connected: to the other end of RQ's own connection; by redis-py where that is encrypted or not there."""
		peer = _peer(self._pool)
		if peer is None:
			opened = self._pool.connection_class(**self._options())
			found: socket.socket = opened._connect()
			return found
		family, place = peer
		connected = socket.socket(family, socket.SOCK_STREAM)
		connected.settimeout(self._left())
		connected.connect(place)
		if family != socket.AF_UNIX:
			connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		return connected

	def _options(self) -> dict[str, Any]:
		left = self._left()
		options = {**self._pool.connection_kwargs, "socket_timeout": left}
		return options if "path" in options else {**options, "socket_connect_timeout": left}

	def close(self) -> None:
		"""Hang up. The next command connects anew."""
		if self._socket is not None:
			self._socket.close()
		self._socket, self._owed, self._unread = None, [], b""

	# Talking

	def _within_the_limit(self, act: Callable[[Command], T], command: Command) -> T:
		"""Whatever goes wrong ends the connection."""
		self._until = time.monotonic() + limits.HOOK_REDIS_SECONDS
		try:
			return act(command)
		except TimeoutError:
			self.close()
			raise RedisTimeout(self._place) from None
		except OSError as error:
			self.close()
			raise RedisUnreachable(f"{self._place} ({error})") from None
		except BaseException:
			self.close()
			raise

	def _left(self) -> float:
		left = self._until - time.monotonic()
		if left <= 0:
			raise TimeoutError
		return left

	def _send(self, command: Command) -> None:
		greeting = b""
		if self._socket is None:
			self._connect()
			greeting = self._greeting
		assert self._socket is not None
		self._socket.settimeout(self._left())
		self._socket.sendall(greeting + _packed(command))
		self._owed.append(True)
		self._used_at = time.monotonic()

	def _answers(self, command: Command) -> list[Answer]:
		"""The answers to what was posted and to this command, without those of logging in."""
		self._send(command)
		answers = [self._answer(own) for own in self._owed]
		self._owed = []
		return [answer for own, answer in answers if own]

	def _answer(self, own: bool) -> tuple[bool, Answer]:
		line = self._take_line()
		kind, rest = line[:1], keys.text(line[1:])
		if kind == b"-":
			if not own:
				raise RedisRefused(f"{self._place}: {rest}")
			return own, RedisRefused(f"{self._place}: {rest}")
		if kind == b":":
			return own, int(rest)
		if kind == b"+":
			return own, rest
		if kind == b"$":
			return own, keys.text(self._take(int(rest) + 2)[:-2]) if rest != "-1" else None
		raise CouldNotAsk(f"{self._place}: an answer that is none")

	def _take_line(self) -> bytes:
		while b"\r\n" not in self._unread:
			self._receive()
		line, _, self._unread = self._unread.partition(b"\r\n")
		return line

	def _take(self, number: int) -> bytes:
		while len(self._unread) < number:
			self._receive()
		read, self._unread = self._unread[:number], self._unread[number:]
		return read

	def _receive(self) -> None:
		assert self._socket is not None
		self._socket.settimeout(self._left())
		received = self._socket.recv(_LINE_BYTES)
		if not received:
			raise ConnectionResetError("closed")
		if len(self._unread) > _LINE_BYTES:
			raise CouldNotAsk(f"{self._place}: an answer that is too long")
		self._unread += received


def _credentials(options: dict[str, Any]) -> tuple[str, str]:
	if provider := options.get("credential_provider"):
		found = tuple(provider.get_credentials())
		return ("", found[0]) if len(found) == 1 else (found[0], found[1])
	return options.get("username") or "", options.get("password") or ""


def _peer(pool: Any) -> tuple[int, Any] | None:
	"""Family and address of the other end of a plain connection that is open; None for an encrypted one, or none."""
	for opened in getattr(pool, "_available_connections", ()):
		found = getattr(opened, "_sock", None)
		if type(found) is socket.socket:
			try:
				return found.family, found.getpeername()
			except OSError:
				continue
	return None


def _packed(command: Command) -> bytes:
	parts = [b"*%d\r\n" % len(command)]
	for part in command:
		value = part if isinstance(part, bytes) else str(part).encode("utf-8", "replace")
		parts.append(b"$%d\r\n%b\r\n" % (len(value), value))
	return b"".join(parts)
