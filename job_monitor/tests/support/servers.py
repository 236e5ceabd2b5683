"""Servers for tests, on this machine and without Frappe: one for webhooks, one for mail, one that stands before Redis."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from typing import Any


@dataclass
class Answer:
	"""
	Attributes:
		after: Seconds the server is silent before.
		drip: Seconds between the bytes of the body.
	"""

	status: int = 200
	headers: dict[str, str] = field(default_factory=dict)
	body: str = ""
	after: float = 0.0
	drip: float = 0.0


@dataclass(frozen=True)
class Received:
	method: str
	path: str
	headers: dict[str, str]
	body: bytes


class WebServer(ThreadingHTTPServer):
	"""Gives its answers one after the other, the last one for ever.

	Attributes:
		received: Requests so far.
	"""

	daemon_threads = True

	def __init__(self, *answers: Answer, context: ssl.SSLContext | None = None) -> None:
		super().__init__(("127.0.0.1", 0), _WebHandler)
		self.answers = list(answers) or [Answer()]
		self.received: list[Received] = []
		self.scheme = "http"
		if context:
			self.scheme = "https"
			self.socket = context.wrap_socket(self.socket, server_side=True)

	def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
		return f"{self.scheme}://{host}:{self.server_port}{path}"

	def handle_error(self, request: Any, client_address: Any) -> None:
		"""Clients that go away are what is tested."""


class _WebHandler(BaseHTTPRequestHandler):
	server: WebServer

	def do_POST(self) -> None:
		body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
		self.server.received.append(Received(self.command, self.path, dict(self.headers), body))
		answers = self.server.answers
		answer = answers.pop(0) if len(answers) > 1 else answers[0]
		time.sleep(answer.after)
		self.send_response(answer.status)
		for name, value in answer.headers.items():
			self.send_header(name, value)
		self.end_headers()
		for byte in answer.body.encode():
			self.wfile.write(bytes([byte]))
			time.sleep(answer.drip)

	do_GET = do_POST

	def log_message(self, format: str, *args: Any) -> None:
		pass


@dataclass(frozen=True)
class Mail:
	sender: str
	recipients: list[str]
	message: EmailMessage


class MailServer(ThreadingTCPServer):
	"""Takes every mail and keeps it.

	Args:
		refuse: What is answered, by recipient.
		login: Name and password it wants, if any.
		context: For STARTTLS, which is wanted then.
		silent: It takes connections and says nothing.

	Attributes:
		mails: Those taken so far.
	"""

	daemon_threads = True
	allow_reuse_address = True

	def __init__(
		self,
		refuse: dict[str, str] | None = None,
		login: tuple[str, str] | None = None,
		context: ssl.SSLContext | None = None,
		silent: bool = False,
	) -> None:
		super().__init__(("127.0.0.1", 0), _MailHandler)
		self.refuse = refuse or {}
		self.login = login
		self.context = context
		self.silent = silent
		self.mails: list[Mail] = []

	@property
	def port(self) -> int:
		return int(self.server_address[1])

	def handle_error(self, request: Any, client_address: Any) -> None:
		"""Clients that go away are what is tested."""


class _MailHandler(StreamRequestHandler):
	server: MailServer

	def handle(self) -> None:
		if self.server.silent:
			time.sleep(60)
		self.secure = self.known = False
		self.sender, self.recipients = "", list[str]()
		self.say("220 sink")
		while line := self.rfile.readline():
			text = line.decode().strip()
			verb, _, rest = text.partition(" ")
			answer = getattr(self, f"on_{verb.lower()}", None)
			self.say(answer(rest) if answer else "250 OK")
			if verb.upper() == "QUIT":
				return

	def say(self, text: str) -> None:
		if text:
			self.wfile.write(f"{text}\r\n".encode())
			self.wfile.flush()

	def on_ehlo(self, rest: str) -> str:
		offers = ["sink"]
		offers += ["AUTH PLAIN"] if self.server.login else []
		offers += ["STARTTLS"] if self.server.context and not self.secure else []
		self.say("\r\n".join(f"250-{offer}" for offer in offers))
		return "250 8BITMIME"

	def on_starttls(self, rest: str) -> str:
		assert self.server.context
		self.say("220 go on")
		self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
		self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
		self.secure = True
		return ""

	def on_auth(self, rest: str) -> str:
		if rest.startswith("XOAUTH2 "):
			return self.on_token(base64.b64decode(rest.partition(" ")[2]).decode())
		name, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")[1:]
		self.known = (name, password) == self.server.login
		return "235 welcome" if self.known else f"535 wrong password for {name}"

	def on_token(self, said: str) -> str:
		"""As Google and Microsoft do: a refusal is a challenge first, and told when it was answered by nothing."""
		name, token = self.server.login or ("", "")
		self.known = said == f"user={name}\1auth=Bearer {token}\1\1"
		if self.known:
			return "235 welcome"
		self.say("334 " + base64.b64encode(b'{"status":"400"}').decode())
		return "501 not so" if self.rfile.readline().strip() else f"535 token of {name} refused"

	def on_mail(self, rest: str) -> str:
		if (self.server.login and not self.known) or (self.server.context and not self.secure):
			return "530 not so"
		self.sender, self.recipients = _address(rest), []
		return "250 OK"

	def on_rcpt(self, rest: str) -> str:
		if refusal := self.server.refuse.get(_address(rest)):
			return refusal
		self.recipients.append(_address(rest))
		return "250 OK"

	def on_data(self, rest: str) -> str:
		self.say("354 go on")
		lines = list(iter(self.rfile.readline, b".\r\n"))
		raw = b"".join(line.removeprefix(b".") for line in lines)
		message: Any = message_from_bytes(raw, policy=policy.default)
		self.server.mails.append(Mail(self.sender, self.recipients, message))
		return "250 taken"

	def on_quit(self, rest: str) -> str:
		return "221 bye"


def _address(text: str) -> str:
	return text.partition("<")[2].partition(">")[0]


class Proxy(ThreadingTCPServer):
	"""Stands before another server, and passes on what both say. Connections are taken whatever the fault.

	Args:
		port: Of the other server, on this machine.
		fault: A file that any process may write. Its text, while it exists: `freeze` passes on nothing, as a host that
			hangs; `delay 0.3` takes so many seconds for each piece; `drip 0.3` for each byte that the other server says.
	"""

	daemon_threads = True
	allow_reuse_address = True

	def __init__(self, port: int, fault: Path) -> None:
		super().__init__(("127.0.0.1", 0), _ProxyHandler)
		self.target, self.fault = port, fault

	@property
	def port(self) -> int:
		return int(self.server_address[1])

	def state(self) -> tuple[str, float]:
		try:
			kind, _, seconds = self.fault.read_text().partition(" ")
			return kind, float(seconds or 0)
		except OSError:
			return "", 0.0

	def handle_error(self, request: Any, client_address: Any) -> None:
		"""Clients that go away are what is tested."""


class _ProxyHandler(BaseRequestHandler):
	server: Proxy

	def handle(self) -> None:
		with socket.create_connection(("127.0.0.1", self.server.target)) as other:
			threading.Thread(target=self._pass, args=(other, self.request, True), daemon=True).start()
			self._pass(self.request, other, False)

	def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
		try:
			while data := source.recv(65536):
				while self.server.state()[0] == "freeze":
					time.sleep(0.005)
				kind, seconds = self.server.state()
				if kind == "drip" and answers:
					for byte in data:
						time.sleep(seconds)
						target.sendall(bytes([byte]))
				else:
					time.sleep(seconds if kind == "delay" else 0)
					target.sendall(data)
			target.shutdown(socket.SHUT_WR)
		except OSError:
			return


@contextmanager
def running(server: Any) -> Iterator[Any]:
	"""A server that answers until the end of the block."""
	thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
	thread.start()
	try:
		yield server
	finally:
		server.shutdown()
		server.server_close()


def certificate(folder: Path, host: str = "localhost") -> tuple[ssl.SSLContext, Path]:
	"""A context for a server, and the file of the certificate that a client has to trust."""
	key, cert = folder / "key.pem", folder / "cert.pem"
	command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
	command += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
	subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(cert, key)
	return context, cert
