"""Texts, lines and pickles that keep careless code busy, of any size."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator

PIECES = [
	"a",
	"9",
	" ",
	"\n",
	" \n",
	"=",
	"key=",
	"key:",
	"key=1 ",
	"key=a1b2c3 ",
	"password=x,",
	"password=,,,",
	"password='",
	"password=[",
	"token={",
	"'\"",
	"\\",
	'\\"',
	'key=\\"key=\\\\\\"',
	"x://",
	"x://a:",
	"x://a:b@",
	"https://a:b/",
	"Bearer a1b2c3 ",
	"-----BEGIN PRIVATE KEY-----",
	"-----END PRIVATE KEY-----",
	"<password>",
	"<password ",
	"['password', '",
	"--password x ",
	"mysql -px ",
	"eyJa1.",
	"sk-",
	"AKIAQ7ZX4MPL2WVT8RNB ",
	"?code=a1b2c3&",
	"Authorization: ",
	'"cookie: x',
	'  File "x", line 1\n  key=1',
	'  File "',
	"a-",
	"a.b@",
	"{",
	'{"a":',
	"%_",
	"é=",
	"пароль: ",
	"<b>x</b>",
	"\u202e…",
]

HEADS = [
	*(
		"key=",
		"key: ",
		"password=",
		"pass=",
		'"key": ',
		'\\"key\\":',
		"key=bearer ",
		"key-xcookie: ",
		"Cookie: ",
	),
	*(
		"--password ",
		"--key ",
		"mysql -p",
		"redis-cli -a ",
		"sshpass -p ",
		"curl -u a:",
		"set-admin-password ",
	),
	*("<key>", "<password>", "<key ", "['password', ", "identified by ", "password(", "Bearer ", "token "),
	*("x://", "https://a:", "https://a:b@", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"),
	*(
		'  File "x", line 1\n  key=',
		'key=\n  File "x", line 1',
		"?code=",
		"sk-",
		"eyJ",
		"AKIA",
		"1//0",
		"x-us1",
	),
]
"""What each form of a secret begins with."""

OPENERS = ["", *"[({'\"`<", "b'", "{{", "<![CDATA[", '\\"', "\\\\\\'", "a'", "a,", "{}", "[]"]
OPENERS += ["".join(f"key={chr(92) * number}{quote}a " for number in range(15) for quote in "'\"`")]
"""What opens a value and is never closed, or is far from where it began."""

BETWEEN = ["", " ", "\n", "a1]"]
TAILS = ["", " </'\"]"]


def beginnings(head: str, size: int) -> Iterator[str]:
	"""Texts in which values begin again and again: whoever looks for the end of each one looks through the same again."""
	for opener, between, tail in itertools.product(OPENERS, BETWEEN, TAILS):
		yield repeated(head + opener + between, size - len(tail)) + tail
	for opener in OPENERS:
		yield head + repeated(opener or "9", size - len(head))


LINES = [
	"\n",
	" \n",
	"x",
	"}{",
	"2026-01-31 10:20:30,123 ERROR x\n",
	"Traceback (most recent call last):\n",
	"\x1b[0m\x1b[1m",
	"Thread 0x1\n",
	'{"a":1}{"duration":1}',
	'{"duration":[[[[[',
	"10:20:30 default: a(b='c') (a::b)\n",
	"[Job a::b]: exception raised while executing (x)\n",
]


def repeated(piece: str, size: int) -> str:
	return (piece * (size // len(piece) + 1))[:size]


HEAD = b"\x80\x04"
_TEXT = b"\x8c\x01a"


def _filled(before: bytes, piece: bytes, after: bytes) -> Callable[[int], bytes]:
	return lambda size: HEAD + before + piece * (size // len(piece)) + after


def _numbered(before: bytes, piece: Callable[[int], bytes], after: bytes) -> Callable[[int], bytes]:
	def made(size: int) -> bytes:
		count = size // len(piece(1))
		return HEAD + before + b"".join(map(piece, range(1, count + 1))) + after

	return made


def _of_one_hash(number: int) -> bytes:
	return b"\x8a\x0b" + (number * (2**61 - 1)).to_bytes(11, "little")


_CALL = b"(\x8c\x01f\x94N)}("

PICKLES: dict[str, Callable[[int], bytes]] = {
	"wide": _filled(b"(", b"N", b"l."),
	"deep": lambda size: HEAD + b"]" * (size // 2) + b"a" * (size // 2 - 1) + b".",
	"deep in a call": _filled(_CALL, b"h\x00}(", b"."),
	"deep tuples": _filled(b"N", b"\x85", b"."),
	"steps": _filled(b"N", b"N0", b"."),
	"a text": lambda size: HEAD + b"X" + struct.pack("<I", size) + b"k" * size + b".",
	"texts": _filled(_CALL, b"\x8c\x05aaaaa\x8c\x03k=1", b"ut."),
	"keys of one hash": _numbered(b"}(", lambda n: _of_one_hash(n) + b"N", b"u."),
	"items of one hash": _numbered(b"\x8f(", _of_one_hash, b"\x90."),
	"tuples of one hash": _numbered(b"}(", lambda n: _of_one_hash(n) + b"\x85N", b"u."),
	"a tuple as a key again": lambda size: (
		HEAD + b"}((" + b"N" * (size // 2) + b"t\x94N" + b"h\x00N" * (size // 6) + b"u."
	),
	"a number": lambda size: HEAD + b"\x8b" + struct.pack("<I", size) + b"\x7f" * size + b".",
	"a decimal": lambda size: (
		HEAD
		+ b"\x8c\x07decimal\x8c\x07Decimal\x93\x8b"
		+ struct.pack("<I", size)
		+ b"\x7f" * size
		+ b"\x85R."
	),
	"a number as text": _filled(b"L", b"9", b"L\n."),
	"classes": _filled(b"(", _TEXT + _TEXT + b"\x93)\x81", b"l."),
	"deep JSON": lambda size: b"[" * size,
	"a number in JSON": lambda size: b"[" + b"9" * size + b"]",
	"no pickle": lambda size: b"x" * size,
}

OPCODES = [bytes([op]) for op in b"()NRabdelsu]}t012.\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94"]
OPCODES += [
	b"h\x00",
	b"h\x01",
	b"K\x01",
	_TEXT,
	b"\x8c\x08datetime\x8c\x04date\x93",
	b"\x8a\x09" + b"\x7f" * 9,
]
OPCODES += [b"\x8c\x01m\x8c\x01C\x93", b"cm\nC\n", b"I1\n", b"L1L\n", b"q\x00", b"C\x01x", b"G" + b"\0" * 8]
