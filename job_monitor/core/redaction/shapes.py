"""Forms of secrets that are known by what stands around them: URLs, headers, keys in blocks, markup, SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from job_monitor.core.redaction.names import DOUBTFUL, HARMLESS, SECRET, SecretNames
from job_monitor.core.redaction.values import Span, looks_secret, quoted, start_of

# scheme://user:password@host, https://token@host

_AFTER_SCHEME = re.compile(r"://([^\s\"'<>`\\:]*(?::(?!//)[^\s\"'<>`\\:]*)*)")
_AUTHORITY = re.compile(r"[^/?#]*")
_PORT = re.compile(r"\d{1,5}\Z|\{")


def urls(text: str, names: SecretNames) -> Iterator[Span]:
	"""Passwords and tokens in URLs: `redis://user:password@host`."""
	for url in _AFTER_SCHEME.finditer(text):
		found = _user_info(
			url[1], is_web=text[max(0, url.start() - 5) : url.start()].endswith(("http", "https"))
		)
		if found:
			yield url.start(1) + found[0], url.start(1) + found[1]


def _user_info(url: str, is_web: bool) -> Span | None:
	"""The password; without one, all before the @, which is a token for a web server. A password may hold a slash."""
	found = _AUTHORITY.match(url)
	authority = found[0] if found else ""
	colon, at = authority.find(":"), authority.rfind("@")
	if at < 0 and colon > 0 and not _PORT.match(authority, colon + 1) and not authority.startswith("["):
		at = url.rfind("@")
	if at < 0:
		return None
	if is_web and url[colon + 1 : at] in ("", "x-oauth-basic"):
		return (0, colon) if colon > 0 else None
	if 0 <= colon < at:
		return (colon + 1, at) if at > colon + 1 else None
	return (0, at) if is_web or looks_secret(url[:at]) else None


# Bearer x

_SCHEME = re.compile(r"(?i)(?<![\w-])(bearer|basic|token|apikey)[ \t]{1,9}([\w.~+/=:-]{6,})")
_MIXED = re.compile(r"[a-z][A-Z]")


def schemes(text: str, names: SecretNames) -> Iterator[Span]:
	"""`Bearer eyJ...`, `token key:secret`, but not "basic authentication" or "token ring"."""
	for found in _SCHEME.finditer(text):
		credentials = found[2]
		pair = found[1].lower() == "token" and ":" in credentials[6:-6]
		if looks_secret(credentials) or pair or len(_MIXED.findall(credentials)) > 1:
			yield found.span(2)


# -----BEGIN PRIVATE KEY-----

_MARK = re.compile(r"-{4,5} ?(BEGIN|END) ([A-Z0-9 ]{1,60}?) ?-{4,5}")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n\\"


def blocks(text: str, names: SecretNames) -> Iterator[Span]:
	"""Private keys and blocks of PGP, also those whose beginning or end was cut off."""
	begin, done = -1, 0
	for mark in _MARK.finditer(text):
		if "PRIVATE KEY" not in mark[2] and ("PGP" not in mark[2] or "PUBLIC" in mark[2]):
			continue
		if mark[1] == "BEGIN":
			begin = mark.start() if begin < 0 else begin
			continue
		if begin < 0:
			begin = done + len(text[done : mark.start()].rstrip(_BASE64))
		yield begin, mark.end()
		begin, done = -1, mark.end()
	if begin >= 0:
		yield begin, len(text)


# <password>x</password>

_TAG = re.compile(r"<([\w:.-]+)(?=[\s>])[^<>]*>[ \t]*(?:<!\[CDATA\[)?")


def tags(text: str, names: SecretNames) -> Iterator[Span]:
	"""Values in markup: `<password>x</password>`."""
	end = done = doubted = 0
	for tag in _TAG.finditer(text):
		at, strength = tag.end(), names.strength(tag[1])
		if end < 0 or at < done or strength == HARMLESS or (strength == DOUBTFUL and at < doubted):
			continue
		if end < at:
			end = text.find("</", at)
		inside = start_of(text, (at, end)) if end > at else ""
		if inside and (strength == SECRET or looks_secret(inside)):
			done = end
			yield at, end
		elif " " not in inside:
			doubted = at + len(inside)


# IDENTIFIED BY 'x'

_SQL = re.compile(
	r"(?i)\bidentified[ \t]{1,9}(?:with[ \t]{1,9}[\w'\"`]{1,64}[ \t]{1,9})?by[ \t]{1,9}(?:password[ \t]{1,9})?|(?<!\w)with[ \t]{1,9}(?:encrypted[ \t]{1,9})?password[ \t]{1,9}|(?<!\w)password\([ \t]{0,9}"
)


def sql(text: str, names: SecretNames) -> Iterator[Span]:
	"""Passwords in SQL: `IDENTIFIED BY 'x'`."""
	yield from (found for place in _SQL.finditer(text) if (found := quoted(text, place.end())))
