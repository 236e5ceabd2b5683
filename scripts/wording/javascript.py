"""Messages of a JavaScript file: literals in the first argument of `__()`, also inside template literals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from wording.message import Fault, Message

_CALL = re.compile(r"(?<![\w.$])__\(")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`')


def read(text: str) -> Iterator[Message | Fault]:
	for call in _CALL.finditer(text):
		line = text.count("\n", 0, call.start()) + 1
		arguments = _arguments(text, call.end())
		context = arguments[2][0] if len(arguments) > 2 and arguments[2] else None
		for literal in arguments[0] if arguments else ():
			if literal.startswith("`") and "${" in literal:
				yield Fault(line, "a template is no message; use placeholders")
			elif literal == "+":
				yield Fault(line, "a message is not put together by operators")
			else:
				yield Message(_unquoted(literal), line, _unquoted(context) if context else None)


def _arguments(text: str, at: int) -> list[list[str]]:
	"""Of each argument its literals, and `+` between them, as written; not what stands in brackets within."""
	found: list[list[str]] = [[]]
	depth = 0
	while at < len(text):
		if literal := _STRING.match(text, at):
			if not depth:
				found[-1].append(literal[0])
			at = literal.end()
			continue
		char = text[at]
		if char in "([{":
			depth += 1
		elif char in ")]}":
			depth -= 1
			if depth < 0:
				break
		elif not depth and char == ",":
			found.append([])
		elif not depth and char == "+":
			found[-1].append("+")
		at += 1
	return found


def _unquoted(literal: str) -> str:
	body = re.sub(r"\\([`'])", r"\1", literal[1:-1])
	return str(json.loads(f'"{body}"' if literal[0] == '"' else json.dumps(body).replace("\\\\n", "\\n")))
