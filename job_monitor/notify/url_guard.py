"""Where a webhook may go: https, and public addresses only, unless the channel allows more.

A name is resolved once, each address is checked, and the connection is made to the checked addresses: a name server that
answers differently the second time (DNS rebinding) gets no second query. Hosts written as numbers of any kind
(`2130706433`, `0177.1`) are resolved and checked alike.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from job_monitor.notify.message import DeliveryError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SPECIAL = [
	ipaddress.ip_network(network)
	for network in (
		"0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
		"192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 "
		"::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 "
		"fc00::/7 fe80::/9 ff00::/8"
	).split()
]
"""IANA's registries of special-purpose addresses, as of 2025: Python's `is_global` knows them differently from release to
release. The few global addresses within 192.0.0.0/24 and 2001::/23 serve no webhook."""

PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"[!-~]*")
_NOT_PUBLIC = "{} is at an address that is not public."
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")

Address = tuple[Any, ...]
"""As `socket.connect` takes it."""


class AddressRefused(DeliveryError):
	"""A URL or an address that a webhook may not use. Permanent."""

	def __init__(self, text: str) -> None:
		super().__init__(text, permanent=True)


@dataclass(frozen=True)
class Target:
	"""A URL in parts. `path` may hold a secret."""

	scheme: str
	host: str
	port: int
	path: str = field(repr=False)


def parse(url: str, private: bool = False) -> Target:
	"""The parts of a URL.

	Args:
		private: Plain http and any port are allowed, too.

	Raises:
		AddressRefused
	"""
	try:
		parts = urlsplit(url.strip())
		port = parts.port
		host = (parts.hostname or "").rstrip(".").encode("idna" if not url.isascii() else "ascii").decode()
	except ValueError:
		raise AddressRefused("This is no URL.") from None
	if parts.scheme not in PORTS or (parts.scheme == "http" and not private):
		raise AddressRefused("The URL must begin with https://.")
	if parts.username is not None or parts.password is not None:
		raise AddressRefused("The URL must not hold a user or a password.")
	if not _NAME.fullmatch(host) and not _is_ip(host):
		raise AddressRefused("The URL has no host.")
	path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
	if not _PATH.fullmatch(path):
		raise AddressRefused("The URL has characters that must be percent-encoded.")
	port = PORTS[parts.scheme] if port is None else port
	if not private and port != 443 and port < 1024:
		raise AddressRefused(f"Port {port} is not allowed.")
	if not private and (host.endswith("localhost") or (_is_ip(host) and not is_public(host))):
		raise AddressRefused(_NOT_PUBLIC.format(host))
	return Target(parts.scheme, host, port, path)


def resolve(target: Target, private: bool = False) -> list[tuple[int, Address]]:
	"""Family and address of each address of the host, all of them allowed.

	Raises:
		AddressRefused, OSError: The name cannot be resolved now.
	"""
	found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
	addresses = [(int(family), address) for family, _, _, _, address in found]
	if not private and not all(is_public(str(address[0])) for _, address in addresses):
		raise AddressRefused(_NOT_PUBLIC.format(target.host))
	return addresses


def is_public(text: str) -> bool:
	"""Whether an address can be reached from the internet, so that it leads to no other host of this network."""
	ip = ipaddress.ip_address(text)
	if isinstance(ip, ipaddress.IPv6Address):
		nat64 = ipaddress.ip_address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
		inner = ip.ipv4_mapped or ip.sixtofour or nat64
		if inner is not None:
			return is_public(str(inner))
		if ip.is_site_local:
			return False
	if any(ip in network for network in _SPECIAL):
		return False
	return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _is_ip(host: str) -> bool:
	try:
		return bool(ipaddress.ip_address(host))
	except ValueError:
		return False
