"""Lines of code in a traceback: a bare value behind a name there is an expression, and no secret."""

from __future__ import annotations

import re
from collections.abc import Callable

_CODE = re.compile(r'^[ \t|]*File "[^"\n]+", line \d[^\n]*\n([^\n]*)', re.MULTILINE)


def code_lines(text: str) -> Callable[[int], bool]:
	"""A function that answers whether an index is in a line of code; each index is behind the one before."""
	lines = _CODE.finditer(text) if 'File "' in text else iter(())
	line = next(lines, None)

	def in_code(at: int) -> bool:
		nonlocal line
		while line is not None and line.end() <= at:
			line = next(lines, None)
		return line is not None and line.start(1) <= at

	return in_code
