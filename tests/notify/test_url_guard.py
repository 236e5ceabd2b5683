"""Where webhooks may go. Only the name server is fake."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from job_monitor.notify import url_guard
from job_monitor.notify.url_guard import AddressRefused


@pytest.mark.parametrize(
	("url", "host", "port", "path"),
	[
		("https://hooks.example.com/T0/B1?x=1#top", "hooks.example.com", 443, "/T0/B1?x=1"),
		("https://EXAMPLE.com.", "example.com", 443, "/"),
		("https://example.com:8443/", "example.com", 8443, "/"),
		("  https://bücher.example/a ", "xn--bcher-kva.example", 443, "/a"),
		("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/"),
	],
)
def test_a_url_is_parsed(url: str, host: str, port: int, path: str) -> None:
	target = url_guard.parse(url)
	assert (target.host, target.port, target.path) == (host, port, path)
	assert path == "/" or path not in repr(target), "a path may be a secret"


@pytest.mark.parametrize(
	"url",
	[
		"",
		"hooks.example.com",
		"http://example.com/",
		"ftp://example.com/",
		"file:///etc/passwd",
		"gopher://127.0.0.1:6379/_FLUSHALL",
		"https://",
		"https:///path",
		"https://user:password@example.com/",
		"https://@example.com/",
		"https://example.com:22/",
		"https://example.com:99999/",
		"https://exa mple.com/",
		"https://example.com/a b",
		"https://example.com/a\r\nHost: other",
		"https://example.com\\@127.0.0.1/",
		"https://[::1/",
		"https://" + "a" * 64 + ".com/",
	],
)
def test_a_url_that_is_none_or_leads_elsewhere_is_refused(url: str) -> None:
	with pytest.raises(AddressRefused) as error:
		url_guard.parse(url)
	assert error.value.permanent


def test_what_a_private_channel_may() -> None:
	target = url_guard.parse("http://127.0.0.1:80/x", private=True)
	assert (target.scheme, target.port) == ("http", 80)
	assert url_guard.resolve(target, private=True) == [(socket.AF_INET, ("127.0.0.1", 80))]


PRIVATE = [
	"127.0.0.1",
	"127.255.255.254",
	"0.0.0.0",
	"10.0.0.1",
	"172.16.0.1",
	"192.168.1.1",
	"169.254.169.254",
	"100.64.0.1",
	"192.0.0.1",
	"198.18.0.1",
	"224.0.0.1",
	"240.0.0.1",
	"255.255.255.255",
	"::",
	"::1",
	"::127.0.0.1",
	"::ffff:127.0.0.1",
	"::ffff:169.254.169.254",
	"::ffff:10.0.0.1",
	"64:ff9b::7f00:1",
	"64:ff9b::a9fe:a9fe",
	"2002:7f00:1::",
	"2001::1",
	"fe80::1",
	"fe80::1%lo",
	"fec0::1",
	"fc00::1",
	"fd00:ec2::254",
	"ff02::1",
	"2001:db8::1",
	"192.0.0.192",
	"192.0.0.9",
	"192.88.99.1",
	"203.0.113.1",
	"64:ff9b:1::1",
	"64:ff9b::c000:c0",
	"100:0:0:1::1",
	"2001:1::1",
	"3fff::1",
	"3fff:fff::1",
	"5f00::1",
	"fe00::1",
]


@pytest.mark.parametrize("ip", PRIVATE)
def test_no_private_address_is_public(ip: str) -> None:
	assert not url_guard.is_public(ip)


@pytest.mark.parametrize(
	"ip", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses_are_public(ip: str) -> None:
	assert url_guard.is_public(ip)


HERE = "localhost localhost. 127.0.0.1 2130706433 0x7f000001 0177.0.0.1 127.1 0 0.0.0.0 169.254.169.254"
HERE_6 = "[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1]"


@pytest.mark.parametrize("host", [*HERE.split(), *HERE_6.split()])
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
	with pytest.raises(AddressRefused, match="not public"):
		url_guard.resolve(url_guard.parse(f"https://{host}/"))


def test_a_name_of_which_one_address_is_private_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
	found: list[Any] = [(socket.AF_INET, 0, 0, "", (ip, 443)) for ip in ("1.1.1.1", "10.0.0.1")]
	monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
	with pytest.raises(AddressRefused, match=r"rebind.example is at an address that is not public"):
		url_guard.resolve(url_guard.parse("https://rebind.example/"))
