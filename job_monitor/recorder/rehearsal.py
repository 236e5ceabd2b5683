"""Runs what the hooks run, in a worker before it forks, until Python has done with their code what it does once.

CPython rewrites the code of a function in its first calls (PEP 659), and what a work-horse writes to is copied for it
first, page by page. Each horse would pay anew: a sixth of the processor time that both hooks take.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from job_monitor.core.hook_client import HookClient
from job_monitor.recorder import runs
from job_monitor.recorder.harmless import beside_the_job

TIMES = 40
_SECONDS = 0.2


def rehearse() -> int:
	"""Takes some 20 ms. The real Redis hears nothing of it: a socket of our own answers.

	Returns:
		How often it was done, which is fewer than `TIMES` if something went wrong: then it is left.
	"""
	done = 0
	with suppress(OSError), socket.create_server(("127.0.0.1", 0)) as server:
		server.settimeout(_SECONDS)
		with socket.create_connection(server.getsockname(), _SECONDS) as opened, server.accept()[0]:
			while done < TIMES and _one_job(server, opened):
				done += 1
	return done


def _one_job(server: socket.socket, opened: socket.socket) -> bool:
	"""What the two hooks do for a job of a user's. Returns whether it came to its end."""
	job = _job(opened)
	outcomes: list[str] = []
	client = HookClient(job.connection)

	@beside_the_job("the rehearsal failed", _SECONDS, over=True)
	def both() -> None:
		recording = runs.noted(job, "site", "Administrator", "app.method", {})
		client.post(recording.log.begin_command(recording.run))
		with server.accept()[0] as answering:
			answering.sendall(b":1\r\n:1\r\n")
			if client.still_there():
				run = runs.ended(recording, None)
				client.ask(recording.log.end_command(run, None, begun=True))
				outcomes.append(run.outcome)

	both()
	client.close()
	return bool(outcomes)


def _job(opened: socket.socket) -> Any:
	pool = SimpleNamespace(connection_kwargs={}, _available_connections=[SimpleNamespace(_sock=opened)])
	return SimpleNamespace(
		id="site||9b0e1c66-3f0a-4b38-8a38-1f2f3c5d7e90",
		origin="bench:short",
		enqueued_at=datetime.now(timezone.utc),
		worker_name="0" * 32,
		connection=SimpleNamespace(connection_pool=pool),
	)
