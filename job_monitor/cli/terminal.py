"""Reads single keys from a terminal, without waiting for Enter."""

from __future__ import annotations

import codecs
import os
import re
import select
import sys
import termios
import tty
from types import TracebackType
from typing import Any

_NAMES = {
	"\x1b[A": "up",
	"\x1b[B": "down",
	"\x1bOA": "up",
	"\x1bOB": "down",
	"\x1b[5~": "page up",
	"\x1b[6~": "page down",
	"\x1b[H": "home",
	"\x1b[F": "end",
	"\x1b": "escape",
	"\r": "enter",
	"\n": "enter",
	"\t": "tab",
	"\x7f": "backspace",
	"\x08": "backspace",
	"\x03": "q",
}

_KEY = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.)|.", re.DOTALL)
"""An escape sequence, or one character."""


class Keys:
	"""A reader of keys, as a context manager. The terminal is restored on every way out."""

	def __init__(self) -> None:
		self.pending: list[str] = []
		self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

	def __enter__(self) -> Keys:
		self.descriptor = sys.stdin.fileno()
		self.before: list[Any] = termios.tcgetattr(self.descriptor)
		tty.setcbreak(self.descriptor)
		return self

	def __exit__(
		self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
	) -> None:
		termios.tcsetattr(self.descriptor, termios.TCSADRAIN, self.before)

	def read(self, seconds: float) -> str:
		"""The next key by name (`up`, `enter`) or as its character; "" if none came in time."""
		if not self.pending:
			ready, _, _ = select.select([self.descriptor], [], [], max(0.0, seconds))
			if not ready:
				return ""
			raw = os.read(self.descriptor, 1024)
			if not raw:  # the terminal is gone
				return "q"
			# Pasted text brings many keys at once, and the buffer may cut an escape sequence in two
			self.pending = _KEY.findall(self.decoder.decode(raw))
		if not self.pending:
			return ""
		text = self.pending.pop(0)
		return _NAMES.get(text) or (text if text.isprintable() else self.read(0.0))
