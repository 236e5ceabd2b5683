"""Names of our own modules that code uses and nothing defines. Read off the code: much of it runs inside Frappe only."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOTS = ("job_monitor", "tests")


def missing(root: Path, folders: Iterable[str] = ROOTS) -> list[str]:
	"""Imports, and uses as `module.name`, of what is not there. `root` is the folder above the packages."""
	return [
		f"{path.relative_to(root)}:{line}: {name}"
		for folder in folders
		for path in sorted((root / folder).rglob("*.py"))
		if "node_modules" not in path.parts
		for line, name in _missing(root, ast.parse(path.read_text("utf-8")))
	]


def _missing(root: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
	modules: dict[str, str] = {}
	for node in ast.walk(tree):
		if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ROOTS:
			for alias in node.names:
				name = f"{node.module}.{alias.name}"
				if _file(root, name):
					modules[alias.asname or alias.name] = name
				elif alias.name not in _defined(root, node.module or ""):
					yield node.lineno, name
	rebound = {
		node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
	}
	rebound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
	for node in ast.walk(tree):
		if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
			module = modules.get(node.value.id) if node.value.id not in rebound else None
			if module and not node.attr.startswith("__") and node.attr not in _defined(root, module):
				if not _file(root, f"{module}.{node.attr}"):
					yield node.lineno, f"{module}.{node.attr}"


def _file(root: Path, module: str) -> Path | None:
	path = root.joinpath(*module.split("."))
	files = (path.with_suffix(".py"), path / "__init__.py")
	return next((file for file in files if file.is_file()), None)


@cache
def _defined(root: Path, module: str) -> frozenset[str]:
	file = _file(root, module)
	return frozenset(_bound(ast.parse(file.read_text("utf-8")).body)) if file else frozenset()


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
	"""Names that statements of a module bind, in whatever block they stand."""
	for node in body:
		if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
			yield node.name
		elif isinstance(node, (ast.Import, ast.ImportFrom)):
			yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
		elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.For, ast.With)):
			yield from (
				n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
			)
		for block in ("body", "orelse", "finalbody", "handlers"):
			if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
				inner = getattr(node, block, [])
				yield from _bound([s for h in inner for s in h.body] if block == "handlers" else inner)
