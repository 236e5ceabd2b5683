"""One signed POST to a webhook: bounded in time, repeated where that can help, never redirected.

Errors name the host and its answer, and never the rest of the URL, which often is the password. Proxies of the
environment are not used: a proxy would resolve the host anew, so the check of its address would prove nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from job_monitor.core import limits
from job_monitor.notify import url_guard
from job_monitor.notify.deadline import run_within
from job_monitor.notify.message import DeliveryError
from job_monitor.notify.render import line

TRIES = 1 + len(limits.NOTIFY_PAUSES)
_TRANSIENT = {408, 425, 429}
_HIDDEN = re.compile(r"[\w-]{8,}")


@dataclass(frozen=True)
class Request:
	"""A POST to make.

	Attributes:
		secret: Signs the body, see `signature`; "" for none.
		private: Addresses that are not public, plain http and any port are allowed.
		tries: At most.
	"""

	url: str = field(repr=False)
	body: bytes = field(repr=False)
	headers: dict[str, str]
	secret: str = field(default="", repr=False)
	private: bool = False
	tries: int = TRIES


class _Transient(Exception):
	"""Another try may help, in so many seconds at the earliest."""

	def __init__(self, text: str, after: float = 0.0) -> None:
		super().__init__(text)
		self.after = after


def signature(secret: str, timestamp: str, body: bytes) -> str:
	"""HMAC-SHA256 over `<timestamp>.<body>`, in hex, as in the header X-Job-Monitor-Signature after `sha256=`."""
	return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(request: Request) -> str:
	"""Make a POST, several times if needed.

	Returns:
		The answer of the host, in words.

	Raises:
		DeliveryError
	"""
	target = url_guard.parse(request.url, request.private)
	deadline = time.monotonic() + limits.NOTIFY_SECONDS
	return run_within(limits.NOTIFY_SECONDS, target.host, lambda: _tries(request, target, deadline))


def _tries(request: Request, target: url_guard.Target, deadline: float) -> str:
	headers = _headers(request)
	pauses = [*limits.NOTIFY_PAUSES[: request.tries - 1], None]
	for pause in pauses:
		try:
			return _attempt(request, target, headers, deadline)
		except _Transient as error:
			wait = max(pause or 0.0, error.after)
			late = wait > deadline - time.monotonic() - 1
			if pause is None or late or wait > limits.NOTIFY_RETRY_AFTER_SECONDS:
				raise DeliveryError(str(error)) from None
			time.sleep(wait)
	raise AssertionError


def _headers(request: Request) -> dict[str, str]:
	timestamp = str(int(time.time()))
	headers = {
		"Content-Type": "application/json; charset=utf-8",
		"User-Agent": "job-monitor",
		"X-Job-Monitor-Timestamp": timestamp,
		**request.headers,
	}
	if request.secret:
		signed = signature(request.secret, timestamp, request.body)
		headers["X-Job-Monitor-Signature"] = f"sha256={signed}"
	return headers


def _attempt(request: Request, target: url_guard.Target, headers: dict[str, str], deadline: float) -> str:
	try:
		addresses = url_guard.resolve(target, request.private)
		with closing(_Connection(target, addresses, deadline)) as connection:
			connection.request("POST", target.path, request.body, headers)
			answer = connection.getresponse()
			return _judge(request, target, answer)
	except ssl.SSLCertVerificationError as error:
		text = f"{target.host} has no valid certificate: {error.verify_message}"
		raise DeliveryError(text, permanent=True) from None
	except (OSError, http.client.HTTPException) as error:
		# Their texts hold what the host sent, and those of http.client the path
		known = "no answer in time" if isinstance(error, TimeoutError) else getattr(error, "strerror", "")
		raise _Transient(f"{target.host}: {known or type(error).__name__}") from None


def _judge(request: Request, target: url_guard.Target, answer: http.client.HTTPResponse) -> str:
	phrase = HTTPStatus(answer.status).phrase if answer.status in list(HTTPStatus) else ""
	outcome = f"{target.host} answered {answer.status} {phrase}".strip()
	if 200 <= answer.status < 300:
		return outcome
	if 300 <= answer.status < 400:
		raise DeliveryError(f"{outcome}: redirects are not followed.", permanent=True)
	text = _without_secrets(answer.read(4096).decode("utf-8", "replace"), request)
	outcome = f"{outcome}: {text}" if text else outcome
	if answer.status >= 500 or answer.status in _TRANSIENT:
		raise _Transient(outcome, _retry_after(answer.getheader("Retry-After", "")))
	raise DeliveryError(outcome, permanent=True)


def _without_secrets(text: str, request: Request) -> str:
	"""Some hosts repeat the request in their answer."""
	parts = request.url.partition("://")[2].partition("/")[2]
	for secret in [request.secret, *_HIDDEN.findall(parts)]:
		text = text.replace(secret, "…") if secret else text
	return line(text)[: limits.NOTIFY_ANSWER_CHARS]


def _retry_after(value: str) -> float:
	try:
		return max(0.0, float(value))
	except ValueError:
		pass
	try:
		return max(0.0, (parsedate_to_datetime(value) - datetime.now(timezone.utc)).total_seconds())
	except (ValueError, TypeError):
		return 0.0


class _Connection(http.client.HTTPConnection):
	"""Connects to addresses that were checked; host name and certificate are those of the URL."""

	def __init__(
		self, target: url_guard.Target, addresses: list[tuple[int, url_guard.Address]], deadline: float
	) -> None:
		self.default_port = url_guard.PORTS[target.scheme]
		super().__init__(target.host, target.port)
		self.addresses = addresses
		self.deadline = deadline
		self.context = ssl.create_default_context() if target.scheme == "https" else None

	def connect(self) -> None:
		for number, (family, address) in enumerate(self.addresses, 1):
			sock = socket.socket(family, socket.SOCK_STREAM)
			try:
				sock.settimeout(self._left(limits.NOTIFY_CONNECT_SECONDS))
				sock.connect(address)
				if self.context:
					sock = self.context.wrap_socket(sock, server_hostname=self.host)
				sock.settimeout(self._left(limits.NOTIFY_READ_SECONDS))
				self.sock = sock
				return
			except OSError:
				sock.close()
				if number == len(self.addresses):
					raise

	def _left(self, limit: float) -> float:
		left = self.deadline - time.monotonic()
		if left <= 0:
			raise TimeoutError("no time left")
		return min(limit, left)
