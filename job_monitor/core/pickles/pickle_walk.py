"""Walks the program that a pickle is before anything reads it: may it be read at all, and may C read it?

Source: cpython `pickletools.py`, `_pickle.c`.
"""

from __future__ import annotations

from job_monitor.core import limits
from job_monitor.core.wording import Number, say


class Undecodable(Exception):
	"""Why a payload is not shown. Caught in this package: it becomes the row's `problem`."""


STEPS = 1_000_000
"""Opcodes of a payload that is read: each may make an object of up to 220 bytes, and a row of a table takes some 40."""

_RARE, _SHORT = -1, -2


def _sizes() -> list[int]:
	sizes = [_RARE] * 256
	for op in b"()NRabdelsu]}\x81\x88\x89\x8f\x90\x93":
		sizes[op] = 0
	for name, size in {"K": 1, "M": 2, "J": 4, "G": 8, "\x80": 1, "\x95": 8}.items():
		sizes[ord(name)] = size
	for op in b"CU":
		sizes[op] = _SHORT
	return sizes


_SIZES = _sizes()
"""Bytes behind each opcode of a common pickle; `_SHORT` if the next byte holds their number."""

_SHORT_TEXT, _MEMOIZE, _BINGET, _STOP = 0x8C, 0x94, ord("h"), ord(".")
_LONG_BINGET, _LONG1, _LONG4, _FROZENSET = ord("j"), 0x8A, 0x8B, 0x91
_TUPLES = frozenset(b"t\x85\x86\x87")
_CALLS = frozenset(b"R\x81")
_COUNTED = {ord("T"): 4, ord("X"): 4, ord("B"): 4, _LONG4: 4, 0x8D: 8, 0x8E: 8, 0x96: 8}
_OLD = {ord("0"): 0, ord("1"): 0, ord("2"): 0, ord("o"): 0, ord("q"): 1, ord("r"): 4, 0x92: 0}
_LINES = {ord(op): 2 if op in "ci" else 1 for op in "SVILFgpci"}
_NUMBERS = frozenset(b"ILFpg")


def is_tame(data: bytes) -> bool:
	"""Whether Python's unpickler in C reads this in linear time and memory.

	It does not where many keys could have one hash (integers above 60 bits, tuples and frozensets, whose hashes are
	no secret) or where a tuple could be hashed again and again (taken from the memo twice). So those are counted, but
	for tuples that are the arguments of a call and nothing else. Nor is it linear where one dict is put into calls as
	their keyword arguments, or one integer of any length, again and again. What only old protocols write is not tame.

	Raises:
		Undecodable: Cut off, or not what a pickler writes: persistent ids, extension codes, buffers, endless numbers,
			more steps than `STEPS`.
	"""
	try:
		return _Walk(data).run()
	except IndexError:
		raise Undecodable(say("the payload is cut off")) from None


class _Walk:
	def __init__(self, data: bytes) -> None:
		self.data = data
		self.left = limits.PICKLE_ODD_KEYS
		self.tame = True
		self.tuples: set[int] = set()
		"""Where tuples stand in the memo."""

	def run(self) -> bool:
		data, sizes, tuples = self.data, _SIZES, self.tuples
		at = memos = 0
		for _step in range(STEPS):
			op = data[at]
			size = sizes[op]
			# Every other opcode of a usual payload is a short text, and the next one puts it into the memo
			if op == _SHORT_TEXT:
				at += 2 + data[at + 1]
				if data[at] == _MEMOIZE:
					memos += 1
					at += 1
			elif op == _MEMOIZE:
				memos += 1
				at += 1
			elif size >= 0:
				at += 1 + size
			elif size == _SHORT:
				at += 2 + data[at + 1]
			elif op == _BINGET:
				self.tame = self.tame and data[at + 1] not in tuples
				at += 2
			elif op == _STOP:
				# Whatever stands behind it is not read; what stands before it must not reach beyond the end
				return self.tame and self.left >= 0
			else:
				at = self._rare(op, at + 1, memos)
		raise Undecodable(say("the payload takes more than {0} steps to read", Number(STEPS)))

	def _rare(self, op: int, at: int, memos: int) -> int:
		"""Where the next opcode stands; `at` is behind this one."""
		data = self.data
		if op in _TUPLES:
			self._tuple(at, memos)
			return at
		if op == _FROZENSET:
			self.left -= 1
			return at
		if op == _LONG_BINGET:
			self.tame = self.tame and int.from_bytes(data[at : at + 4], "little") not in self.tuples
			return at + 4
		if op == _LONG1:
			self.left -= data[at] > 7
			return at + 1 + data[at]
		if op in _COUNTED:
			self.tame = self.tame and op != _LONG4
			start = at + _COUNTED[op]
			return start + int.from_bytes(data[at:start], "little")
		self.tame = False
		return at + _OLD[op] if op in _OLD else self._lines(op, at)

	def _tuple(self, at: int, memos: int) -> None:
		if self.data[at] == _MEMOIZE:
			self.tuples.add(memos)
			at += 1
		self.left -= self.data[at] not in _CALLS

	def _lines(self, op: int, at: int) -> int:
		if op not in _LINES:
			raise Undecodable(say("the payload is no plain pickle (byte {0})", f"0x{op:02x}"))
		start = at
		for _line in range(_LINES[op]):
			at = self.data.find(b"\n", at) + 1 or len(self.data)
		if op in _NUMBERS and at - start > limits.NUMBER_CHARS:
			raise Undecodable(say("the payload holds a number of more than {0} digits", limits.NUMBER_CHARS))
		return at
