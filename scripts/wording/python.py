"""Messages of a Python file: what `_()` and `say()` are given, and the docstrings of errors, which people see."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wording.message import Fault, Message

MARKS = ("_", "_lt", "say", "counted")
"""Functions whose literal arguments are messages; `say` is core's, which knows no translation (`core/wording.py`)."""

SHOWN = ("throw", "msgprint")
"""Functions of Frappe that show their first argument to a person."""


ERRORS = "JobMonitorError"
"""The class whose docstring, and those of its children in the same file, are messages."""


def read(text: str) -> Iterator[Message | Fault]:
	errors = {ERRORS}
	for node in ast.walk(ast.parse(text)):
		if isinstance(node, ast.Call):
			yield from _of_call(node)
		elif isinstance(node, ast.ClassDef) and errors & {node.name, *map(_name, node.bases)}:
			errors.add(node.name)
			if said := ast.get_docstring(node):
				yield Message(said, node.lineno)


def _of_call(node: ast.Call) -> Iterator[Message | Fault]:
	name = _name(node.func)
	if not node.args:
		return
	if name in MARKS:
		context = next((k.value for k in node.keywords if k.arg == "context"), None)
		said = context.value if isinstance(context, ast.Constant) else None
		for argument in node.args if name == "counted" else node.args[:1]:
			yield from _of_argument(argument, said)
	elif name in SHOWN and isinstance(node.args[0], (ast.Constant, ast.JoinedStr)):
		yield Fault(node.lineno, f"{name}() of a text without _()")


def _of_argument(node: ast.expr, context: str | None) -> Iterator[Message | Fault]:
	if isinstance(node, ast.IfExp):
		yield from _of_argument(node.body, context)
		yield from _of_argument(node.orelse, context)
	elif isinstance(node, ast.Constant) and isinstance(node.value, str):
		yield Message(node.value, node.lineno, context)
	elif isinstance(node, ast.JoinedStr):
		yield Fault(node.lineno, "an f-string is no message; use .format")
	elif isinstance(node, ast.BinOp):
		yield Fault(node.lineno, "a message is not put together by operators")
	elif isinstance(node, ast.Call) and _name(node.func) == "format":
		yield Fault(node.lineno, "a message is translated before .format")


def _name(function: ast.expr) -> str:
	if isinstance(function, ast.Attribute):
		return function.attr
	return function.id if isinstance(function, ast.Name) else ""
