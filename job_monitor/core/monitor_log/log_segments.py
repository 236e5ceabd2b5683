"""The monitor's log and its rotated files, in pieces of whole lines, the newest piece first.

Frappe never rotates this log, so it may be one file of years: reading from its end is what makes a time box useful.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from job_monitor.core import limits

_NAME = re.compile(r"monitor\.json\.log(?:[.-][\w.-]+)?")
_PIECE = limits.LOG_PIECE_BYTES


@dataclass(frozen=True)
class Piece:
	"""Whole lines.

	Attributes:
		read: Bytes of the file read so far, as they are on disk.
		forward: It follows the piece before it, as in a compressed file; otherwise it precedes it.
	"""

	data: bytes
	read: int
	forward: bool


def files(folder: Path) -> list[Path]:
	"""The log and its rotated files, newest first. Links that lead out of the folder are left out."""
	try:
		names = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
		root = folder.resolve()
		inside = [path for path in names if path.is_file() and path.resolve().parent == root]
		return sorted(inside, key=lambda path: path.stat().st_mtime, reverse=True)
	except (OSError, RuntimeError):
		return []


def pieces(file: IO[bytes], compressed: bool) -> Iterator[Piece]:
	"""The file in pieces: the last one first, or in its own order if it is compressed.

	Of a line longer than a piece only a part is handed on; it is no record anyway.

	Raises:
		OSError, EOFError, zlib.error: It cannot be read to its end.
	"""
	return _unzipped(file) if compressed else _backward(file.fileno())


def _backward(file: int) -> Iterator[Piece]:
	end = size = os.fstat(file).st_size
	rest = b""
	while end > 0:
		start = max(0, end - _PIECE)
		data = os.pread(file, end - start, start) + rest
		cut = data.find(b"\n") + 1 if start else 0
		yield Piece(data[cut:] if cut or not start else b"", size - start, forward=False)
		rest = (data[:cut] if cut else data)[: limits.LOG_LINE_BYTES + 1]
		end = start


def _unzipped(file: IO[bytes]) -> Iterator[Piece]:
	lines = gzip.GzipFile(fileobj=file)
	waiting = b""
	try:
		# read1() hands out what there is before it finds that the rest is missing
		while data := lines.read1(_PIECE):
			waiting += data
			if len(waiting) >= _PIECE:
				cut = waiting.rfind(b"\n") + 1
				yield Piece(waiting[:cut], file.tell(), forward=True)
				waiting = waiting[cut:][: limits.LOG_LINE_BYTES + 1]
	except (OSError, EOFError, zlib.error):
		yield Piece(waiting, file.tell(), forward=True)
		raise
	yield Piece(waiting, file.tell(), forward=True)
