"""Redis servers with a port of their own, for what the session's private one cannot show."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from job_monitor.cli.demo.redis_server import redis_executable

START_SECONDS = 10.0


def free_port() -> int:
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return int(probe.getsockname()[1])


class Server:
	"""One server process, which can be ended and started again.

	Attributes:
		probe: Options of the `redis.Redis` that waits for the server.
	"""

	def __init__(self, folder: Path, *options: str, port: int | None = None, **probe: Any) -> None:
		self.folder = folder
		self.port = port or free_port()
		self.options = options
		once: Any = Retry(NoBackoff(), 0)
		self.probe = {"host": "127.0.0.1", "port": self.port, "retry": once, **probe}
		self.process: subprocess.Popen[bytes] | None = None

	@property
	def url(self) -> str:
		return f"redis://127.0.0.1:{self.port}"

	def start(self, *, wait: bool = True) -> Server:
		ports = () if "--tls-port" in self.options else ("--port", str(self.port))
		self.process = subprocess.Popen(
			[redis_executable(), *ports, "--bind", "127.0.0.1", "--dir", str(self.folder), *self.options]
			if not self.options[:1] == ("--sentinel",)
			else [redis_executable(), str(self.folder / "sentinel.conf"), "--sentinel"],
			stdin=subprocess.DEVNULL,
			stdout=subprocess.DEVNULL,
			stderr=subprocess.DEVNULL,
			start_new_session=True,
		)
		if wait:
			self._wait()
		return self

	def _wait(self) -> None:
		until = time.monotonic() + START_SECONDS
		while True:
			try:
				with redis.Redis(**self.probe) as connection:
					connection.ping()
				return
			except redis.exceptions.AuthenticationError:
				return
			except redis.exceptions.ResponseError as error:
				assert "auth" in str(error).lower() or "password" in str(error).lower(), error
				return
			except redis.exceptions.ConnectionError:
				assert time.monotonic() < until, "the server did not start"
				time.sleep(0.02)

	def connect(self, **options: Any) -> Any:
		return redis.Redis(**{**self.probe, **options})

	def stop(self) -> None:
		if self.process is not None:
			self.process.kill()
			self.process.wait()


@contextmanager
def server(folder: Path, *options: str, **probe: Any) -> Iterator[Server]:
	"""A server without persistence on a free port of this host."""
	started = Server(folder, "--save", "", "--appendonly", "no", *options, **probe)
	try:
		yield started.start()
	finally:
		started.stop()


@contextmanager
def sentinel(folder: Path, watched: Server, service: str) -> Iterator[Server]:
	started = Server(folder, "--sentinel")
	config = f"port {started.port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {service} 127.0.0.1 {watched.port} 1\n"
	(folder / "sentinel.conf").write_text(config)
	try:
		yield started.start()
	finally:
		started.stop()


def certificate(folder: Path) -> tuple[Path, Path] | None:
	"""Key and certificate for 127.0.0.1, None where there is no openssl."""
	if not shutil.which("openssl"):
		return None
	key, cert = folder / "key.pem", folder / "cert.pem"
	command = [
		"openssl",
		"req",
		"-x509",
		"-newkey",
		"rsa:2048",
		"-nodes",
		"-days",
		"1",
		"-subj",
		"/CN=127.0.0.1",
	]
	names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
	subprocess.run([*command, *names], check=True, capture_output=True)
	return key, cert
