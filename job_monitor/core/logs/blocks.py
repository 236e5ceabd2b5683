"""A log read in pieces of whole records, back to its beginning, and the beginning of a record."""

from __future__ import annotations

import os
from collections.abc import Iterator

from job_monitor.core import limits
from job_monitor.core.logs import headings

_BLOCK = limits.LOG_BLOCK_BYTES


def back_from(file: int, end: int) -> Iterator[tuple[int, bytes]]:
	"""Pieces of a file from `end` to its beginning: (offset, bytes). Each begins at a record's beginning.

	A piece is empty where a block lies in the middle of a line; its offset is how far the file was read. A record without
	a heading within a block is cut at a line's beginning, and of a line longer than a block only the beginning is given.
	"""
	rest = b""
	while end > 0:
		start = max(0, end - _BLOCK)
		data = os.pread(file, end - start, start) + rest
		line = 0 if start == 0 else _line_start(file, start, data)
		split = headings.first_heading(data, line) if start and line < len(data) else line
		split = line if split < 0 else split
		yield (start + split, data[split:]) if split < len(data) else (start, b"")
		rest = data[:split][:_BLOCK]
		end = start


def _line_start(file: int, start: int, data: bytes) -> int:
	"""Index of the first line's beginning in data which were read at `start`; its length if there is none."""
	if os.pread(file, 1, start - 1) == b"\n":
		return 0
	return data.find(b"\n") + 1 or len(data)


def record_start(file: int, offset: int) -> int:
	"""The beginning of the record that an offset lies in.

	An offset may come from outside: text read from the middle of a line could show a secret without the name before it.
	"""
	start = max(0, offset - _BLOCK)
	data = os.pread(file, offset - start, start)
	if not data or (data.endswith(b"\n") and headings.begins(os.pread(file, 200, offset))):
		return offset
	line = 0 if start == 0 else _line_start(file, start, data)
	heading = headings.last_heading(data[line:])
	if heading >= 0:
		return start + line + heading
	if line < len(data):
		return start + data.rfind(b"\n", 0, len(data) - 1) + 1
	return offset if data.endswith(b"\n") else _next_line(file, offset)


def _next_line(file: int, offset: int) -> int:
	"""The beginning of the next line; where to go on searching for it, if it is far."""
	data = os.pread(file, limits.LOG_PAGE_BYTES, offset)
	return offset + (data.find(b"\n") + 1 or len(data))
