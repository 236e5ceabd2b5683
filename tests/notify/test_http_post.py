"""Posts to real HTTP servers on this machine. Only names, where they matter, are answered by the test."""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from job_monitor.core import limits
from job_monitor.notify.http_post import Request, post
from job_monitor.notify.message import DeliveryError
from job_monitor.tests.support.servers import Answer, WebServer, certificate, running

TOKEN = "T0K3N-b4fe91aa77"
SECRET = "s3cret-of-the-receiver"
BODY = b'{"title": "queue is stuck"}'


def request(url: str, **options: Any) -> Request:
	return Request(url, BODY, {"X-Own": "1"}, **{"private": True, **options})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "NOTIFY_PAUSES", (0.05, 0.1))


@pytest.fixture
def server() -> Iterator[WebServer]:
	with running(WebServer()) as server:
		yield server


def refusal(url: str, **options: Any) -> DeliveryError:
	with pytest.raises(DeliveryError) as error:
		post(request(url, **options))
	assert TOKEN not in str(error.value) and SECRET not in str(error.value)
	return error.value


def test_a_post_arrives_and_its_signature_can_be_verified(server: WebServer) -> None:
	assert post(request(server.url(f"/hook/{TOKEN}?a=b"), secret=SECRET)) == "127.0.0.1 answered 200 OK"
	(got,) = server.received
	assert (got.method, got.path, got.body) == ("POST", f"/hook/{TOKEN}?a=b", BODY)
	assert got.headers["Content-Type"] == "application/json; charset=utf-8"
	assert (got.headers["X-Own"], got.headers["Host"]) == ("1", f"127.0.0.1:{server.server_port}")
	timestamp = got.headers["X-Job-Monitor-Timestamp"]
	assert abs(time.time() - int(timestamp)) < 5
	expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + got.body, hashlib.sha256).hexdigest()
	assert got.headers["X-Job-Monitor-Signature"] == f"sha256={expected}"


def test_without_a_secret_nothing_is_signed(server: WebServer) -> None:
	post(request(server.url()))
	assert "X-Job-Monitor-Signature" not in server.received[0].headers


def test_a_server_in_trouble_gets_a_second_request(server: WebServer) -> None:
	server.answers = [Answer(500), Answer(200)]
	post(request(server.url()))
	assert len(server.received) == 2
	assert server.received[0].body == server.received[1].body


def test_a_server_that_stays_in_trouble_fails_after_three_requests(server: WebServer) -> None:
	server.answers = [Answer(503, body=f"no luck with {TOKEN} and {SECRET}")]
	error = refusal(server.url(f"/{TOKEN}"), secret=SECRET)
	assert not error.permanent
	assert str(error) == "127.0.0.1 answered 503 Service Unavailable: no luck with … and …"
	assert len(server.received) == 3


def test_one_try_is_one_try(server: WebServer) -> None:
	server.answers = [Answer(500)]
	refusal(server.url(), tries=1)
	assert len(server.received) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_final(server: WebServer, status: int) -> None:
	server.answers = [Answer(status)]
	assert refusal(server.url()).permanent
	assert len(server.received) == 1


def test_retry_after_is_waited_for(server: WebServer) -> None:
	server.answers = [Answer(429, {"Retry-After": "1"}), Answer(204)]
	started = time.monotonic()
	assert post(request(server.url())).endswith("204 No Content")
	assert 1 <= time.monotonic() - started < 3


@pytest.mark.parametrize("value", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT", "inf", "1e400"])
def test_a_pause_that_is_too_long_is_not_waited_for(server: WebServer, value: str) -> None:
	server.answers = [Answer(429, {"Retry-After": value})]
	started = time.monotonic()
	assert not refusal(server.url()).permanent
	assert len(server.received) == 1 and time.monotonic() - started < 1


@pytest.mark.parametrize(
	"value", ["", "soon", "-5", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015"]
)
def test_a_pause_that_is_none_does_no_harm(server: WebServer, value: str) -> None:
	server.answers = [Answer(503, {"Retry-After": value}), Answer(200)]
	assert post(request(server.url()))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: WebServer, status: int) -> None:
	with running(WebServer()) as inside:
		server.answers = [Answer(status, {"Location": inside.url(f"/{TOKEN}")})]
		error = refusal(server.url())
		assert error.permanent and "redirects are not followed" in str(error)
		assert len(server.received) == 1 and not inside.received


def test_a_server_that_hangs_is_left(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "NOTIFY_READ_SECONDS", 0.3)
	server.answers = [Answer(after=5)]
	started = time.monotonic()
	assert str(refusal(server.url())) == "127.0.0.1: no answer in time"
	assert len(server.received) == 3 and time.monotonic() - started < 2


def test_a_server_that_drips_is_left(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
	monkeypatch.setattr(limits, "NOTIFY_SECONDS", 1.5)
	server.answers = [Answer(500, body="x" * 100, drip=0.2)]
	started = time.monotonic()
	assert "took longer than" in str(refusal(server.url()))
	assert time.monotonic() - started < 2.5


def test_nobody_listens() -> None:
	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		error = refusal(f"http://127.0.0.1:{free.getsockname()[1]}/{TOKEN}")
	assert str(error) == "127.0.0.1: Connection refused" and not error.permanent


def test_what_answers_is_no_http(monkeypatch: pytest.MonkeyPatch) -> None:
	with socket.socket() as listener:
		listener.bind(("127.0.0.1", 0))
		listener.listen()

		def answer() -> None:
			for _ in range(3):
				connection, _ = listener.accept()
				connection.recv(100)
				connection.sendall(b"-ERR unknown command " + TOKEN.encode() + b"\r\n")
				connection.close()

		threading.Thread(target=answer, daemon=True).start()
		assert not refusal(f"http://127.0.0.1:{listener.getsockname()[1]}/{TOKEN}").permanent


def test_this_machine_is_not_public(server: WebServer) -> None:
	url = server.url().replace("http://", "https://")
	assert "not public" in str(refusal(url, private=False))
	assert not server.received


class Names:
	"""A name server that gives its answers one after the other, and who was connected to."""

	def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
		self.answers = list(answers)
		self.queries = 0
		self.connected: list[str] = []
		monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)
		monkeypatch.setattr(socket.socket, "connect", self.connect)

	def getaddrinfo(self, host: str, port: int, **kwargs: Any) -> list[Any]:
		self.queries += 1
		ip = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
		return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

	def connect(self, place: tuple[str, int]) -> None:
		self.connected.append(place[0])
		raise ConnectionRefusedError(111, "Connection refused")


def test_a_name_that_is_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
	names = Names(monkeypatch, "127.0.0.1")
	assert refusal(f"https://rebind.example/{TOKEN}", private=False).permanent
	assert (names.queries, names.connected) == (1, [])


def test_a_name_is_resolved_once_and_the_connection_goes_to_its_address(
	monkeypatch: pytest.MonkeyPatch,
) -> None:
	names = Names(monkeypatch, "1.1.1.1", "127.0.0.1")
	assert "Connection refused" in str(refusal("https://rebind.example/", private=False, tries=1))
	assert (names.queries, names.connected) == (1, ["1.1.1.1"])


def test_a_name_that_moves_between_two_tries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
	names = Names(monkeypatch, "1.1.1.1", "169.254.169.254")
	assert "not public" in str(refusal("https://rebind.example/", private=False))
	assert names.connected == ["1.1.1.1"]


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
	context, trusted = certificate(tmp_path)
	with running(WebServer(context=context)) as server:
		error = refusal(server.url(host="localhost"))
		assert error.permanent and "no valid certificate" in str(error)
		monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(trusted))
		assert post(request(server.url(host="localhost"))) == "localhost answered 200 OK"
		assert "no valid certificate" in str(refusal(server.url())), "another host's certificate"
		assert len(server.received) == 1


def test_a_request_does_not_show_its_secrets() -> None:
	shown = repr(request(f"https://example.com/{TOKEN}", secret=SECRET))
	assert TOKEN not in shown and SECRET not in shown
