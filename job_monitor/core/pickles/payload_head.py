"""The beginning of a large payload: what a job runs, for whom, and its first arguments, in little time and memory.

RQ writes `zlib(pickle((function, instance, args, kwargs)))`. The pickle is cut behind the last argument and
closed there, so that the ordinary decoder of `payload` reads it, within all its bounds. That argument may lack a part.
"""

from __future__ import annotations

import pickletools
import zlib

from job_monitor.core import limits
from job_monitor.core.pickles import payload
from job_monitor.core.wording import say

_FUNCTION_ONLY = b"N)}t."
"""Opcodes for no instance, no arguments, and the end."""

_SILENT = {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "FRAME"}
"""Opcodes that leave the stack as it is."""

_TEXTS = {
	*("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
	*("GET", "BINGET", "LONG_BINGET"),
}
"""Opcodes that put the name of an argument, or one which was put before."""


class _Level:
	"""What was put on the stack since a mark; `is_dict` if it will go into a dict."""

	def __init__(self, is_dict: bool = False) -> None:
		self.is_dict = is_dict
		self.values: list[bool] = []
		self.odd_names = 0

	@property
	def is_whole(self) -> bool:
		"""Whether names and values, and nothing else, are there in pairs."""
		return self.is_dict and len(self.values) % 2 == 0 and not self.odd_names

	def push(self, is_text: bool) -> None:
		self.odd_names += len(self.values) % 2 == 0 and not is_text
		self.values.append(is_text)

	def pop(self) -> None:
		is_text = self.values.pop()
		self.odd_names -= len(self.values) % 2 == 0 and not is_text


def cut(data: bytes) -> bytes:
	"""A small payload, not compressed, of what the first `limits.HEAD_BYTES` hold.

	Raises:
		payload.Undecodable: They do not hold the function.
	"""
	raw = beginning(data, limits.HEAD_BYTES)
	kept, end, frames = 0, b"", list[int]()
	levels, last = [_Level()], ""
	try:
		for op, _, at in pickletools.genops(raw):
			position = at or 0
			if closing := _closing(levels):
				# Behind the name of a class its object is still to be made
				if last not in ("GLOBAL", "STACK_GLOBAL") or closing == _FUNCTION_ONLY:
					kept, end = position, closing
			if op.name == "FRAME":
				frames.append(position)
			if op.name not in _SILENT:
				_apply(op, levels, last)
				last = op.name
	except (ValueError, IndexError):  # where it is cut off, or no pickle
		pass
	if not end:
		raise payload.Undecodable(say("its beginning does not tell what it runs"))
	return _without_frames(raw[:kept], [at for at in frames if at < kept]) + end


def beginning(data: bytes, size: int) -> bytes:
	"""The first bytes of a payload, decompressed; at most `size`."""
	try:
		return zlib.decompressobj().decompress(data, size)
	except zlib.error:
		return data[:size]


def _closing(levels: list[_Level]) -> bytes:
	"""Opcodes that make a whole payload of what was read; none where it stands in the middle of something."""
	if len(levels) == 2 and len(levels[1].values) == 1:
		return _FUNCTION_ONLY
	opened = levels[2:]
	# What is deeper is not shown; and looking at all levels at each opcode would take long
	if len(opened) > limits.VALUE_DEPTH:
		return b""
	if not opened or len(levels[1].values) != 4 or not all(level.is_whole for level in opened):
		return b""
	return b"u" * len(opened) + b"t."


def _apply(op: pickletools.OpcodeInfo, levels: list[_Level], last: str) -> None:
	before, after = op.stack_before, op.stack_after
	if op.name == "MARK":
		levels.append(_Level(last == "EMPTY_DICT"))
		return
	if pickletools.markobject in before:
		levels.pop()
		before = before[: before.index(pickletools.markobject)]
	for _ in before:
		levels[-1].pop()
	for _ in after:
		levels[-1].push(op.name in _TEXTS)


def _without_frames(raw: bytes, frames: list[int]) -> bytes:
	"""A frame says how much follows, which is no longer true."""
	size = 9
	starts = [0, *(at + size for at in frames)]
	ends = [*frames, len(raw)]
	return b"".join(raw[start:end] for start, end in zip(starts, ends, strict=True))
