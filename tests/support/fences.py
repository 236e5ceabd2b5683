"""Reads the code, never runs it, and names what breaks the rules of the architecture."""

from __future__ import annotations

import ast
import json
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

APP = "job_monitor"
GENERATED = {"dist", "node_modules", "__pycache__"}

LOW = {"core", "bridge", "recorder", "notify", "alerts"}
FRONT = "front"
"""Controllers, pages, api, commands, tasks, and whatever else lies in the package: they may ask one another."""

ALLOWED = {
	"": {FRONT},
	"core": {"core"},
	"cli": {"cli", "core", ""},
	"bridge": {"bridge", "core", ""},
	"recorder": {"recorder", "bridge", "core", ""},
	"notify": {"notify", "bridge", "core", ""},
	"alerts": {"alerts", "recorder", "notify", "bridge", "core", ""},
	"commands": {"commands", FRONT, "cli", "alerts", "recorder", "notify", "bridge", "core", ""},
	FRONT: {FRONT, "alerts", "recorder", "notify", "bridge", "core", ""},
}
"""What each layer imports of this app. "" is the package itself: the version, and the names that it gives plain scripts."""

ROOMS: dict[str, set[str]] = {
	"core": set(),
	"core.pickles": {"core"},
	"core.redaction": {"core", "core.pickles"},
	"core.rq": {"core", "core.pickles", "core.redaction"},
	"core.schedules": {"core", "core.rq"},
	"core.history": {"core", "core.redaction", "core.rq"},
	"core.acts": {"core", "core.rq", "core.schedules", "core.history"},
	"core.logs": {"core", "core.redaction", "core.rq"},
	"core.monitor_log": {"core"},
	"core.alerts": {"core"},
	"bridge": set(),
	"bridge.database": {"bridge"},
	"bridge.site": {"bridge", "bridge.database"},
	"bridge.lists": {"bridge"},
	"bridge.history": {"bridge", "bridge.database", "bridge.site"},
	"bridge.reports": {"bridge", "bridge.site", "bridge.history"},
	"bridge.schedules": {"bridge", "bridge.lists"},
	"bridge.rq": {"bridge", "bridge.lists", "bridge.history", "bridge.schedules"},
	"bridge.doctor": {"bridge", "bridge.site", "bridge.history", "bridge.schedules"},
}
"""What each room of a layer imports of its own layer, beside itself. The layer's own files stand below its rooms."""

OUTSIDE = {
	"core": {"redis", "rq", "orjson", "psutil"},
	"cli": {"redis", "rq", "orjson", "click", "rich"},
}
"""Beside the standard library. The other layers run inside Frappe and may use what it brings."""


def files(package: Path, pattern: str) -> Iterator[Path]:
	for path in sorted(package.rglob(pattern)):
		if not GENERATED & set(path.relative_to(package).parts):
			yield path


def layer_of(parts: tuple[str, ...]) -> str:
	"""Layer of a module by its path below the package, e.g. ("core", "keys")."""
	if not parts:
		return ""
	return parts[0] if parts[0] in {*LOW, "cli", "commands"} else FRONT


def room_of(parts: tuple[str, ...]) -> str:
	"""Room of a module by its path below the package, e.g. ("core", "rq", "keys") -> "core.rq"; "" where there are none."""
	room = ".".join(parts[:2])
	return room if room in ROOMS else parts[0] if parts and parts[0] in ROOMS else ""


def forbidden_imports(package: Path) -> list[str]:
	"""Imports that lead up: to a layer, or within a layer to a room, which stands above."""
	found = []
	for path in files(package, "*.py"):
		inside = path.relative_to(package).with_suffix("").parts
		if path.name.startswith("test_"):
			continue
		layer = layer_of(inside) if inside != ("__init__",) else ""
		for module in _imported(path, inside, package):
			head, _, rest = module.partition(".")
			if inside == ("hooks",):
				wrong = head != "__future__"
			elif head == APP:
				wrong = not _may_import(inside, layer, tuple(filter(None, rest.split("."))))
			else:
				wrong = layer in OUTSIDE and head not in sys.stdlib_module_names | OUTSIDE[layer]
			if wrong:
				found.append(f"{path.relative_to(package)} imports {module}")
	return found


def _may_import(inside: tuple[str, ...], layer: str, target: tuple[str, ...]) -> bool:
	if layer_of(target) != layer:
		return layer_of(target) in ALLOWED.get(layer, set())
	room, other = room_of(inside), room_of(target)
	return room == other or not room or other in ROOMS[room]


def _imported(path: Path, inside: tuple[str, ...], package: Path) -> Iterator[str]:
	"""Every module that a file imports anywhere, by its full name."""
	for node in ast.walk(ast.parse(path.read_text("utf-8"))):
		if isinstance(node, ast.Import):
			yield from (alias.name for alias in node.names)
		elif isinstance(node, ast.ImportFrom):
			base = node.module or ""
			if node.level:
				parents = (APP, *inside)[: -node.level]
				base = ".".join([*parents, *filter(None, [base])])
			for alias in node.names:
				name = f"{base}.{alias.name}"
				yield name if _is_module(package, name) else base


def _is_module(package: Path, name: str) -> bool:
	head, *parts = name.split(".")
	path = package.joinpath(*parts)
	return head == APP and (path.is_dir() or path.with_suffix(".py").is_file())


def circles(package: Path, layer: str) -> list[str]:
	"""Modules of a layer that lead back to themselves by what they import anywhere, for type checkers, too."""
	modules = {}
	for path in files(package / layer, "*.py"):
		parts = path.relative_to(package).with_suffix("").parts
		if not path.name.startswith("test_"):
			modules[".".join(parts).removesuffix(".__init__")] = (path, parts)
	leads = {
		name: {module.removeprefix(f"{APP}.") for module in _imported(path, parts, package)} & modules.keys()
		for name, (path, parts) in modules.items()
	}
	return [name for name in leads if name in _reached(leads, name)]


def _reached(leads: dict[str, set[str]], start: str) -> set[str]:
	seen: set[str] = set()
	ahead = set(leads[start])
	while ahead:
		name = ahead.pop()
		seen.add(name)
		ahead |= leads[name] - seen
	return seen


def crowded(package: Path, limit: int = 15) -> list[str]:
	"""Folders with more modules than one sees at a glance."""
	count = Counter(path.parent for path in files(package, "*.py") if path.name != "__init__.py")
	limits = {package / "core" / "rq": 22, package / "rq": 22}
	return [
		f"{folder.relative_to(package)} has {size} modules"
		for folder, size in count.items()
		if size > limits.get(folder, limit)
	]


def silent_rooms(package: Path) -> list[str]:
	"""Folders of code that do not say in one line what is in them; those of single DocTypes, pages, reports need not."""
	rooms = {path.parent for path in files(package, "*.py")}
	single = {
		room for room in rooms if len(room.relative_to(package).parts) > 2 and room.parent.parent.name == APP
	}
	return sorted(
		str(room.relative_to(package))
		for room in rooms - single
		if not ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8")))
	)


def swallowed_limits(package: Path) -> list[str]:
	"""Places that take RQ's time limit, which is an `Exception`, for an error like others: its job would never end.

	Commands run in processes of their own, without such a limit.
	"""
	found = []
	for path in files(package, "*.py"):
		inside = path.relative_to(package)
		if inside.parts[0] in ("cli", "commands") or path.name.startswith("test"):
			continue
		for node in ast.walk(ast.parse(path.read_text("utf-8"))):
			if isinstance(node, ast.Try) and _swallows(node):
				found.append(f"{inside}:{node.lineno}")
			elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
				if _names_in(node.args) & _ANYTHING:
					found.append(f"{inside}:{node.lineno}")
	return found


_ANYTHING = {"Exception", "BaseException"}


def _swallows(node: ast.Try) -> bool:
	for handler in node.handlers:
		raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(handler))
		caught = _names_in([handler.type]) if handler.type else _ANYTHING
		if raises and caught & {"BaseTimeoutException", *_ANYTHING}:
			return False
		if caught & _ANYTHING:
			return True
	return False


def _names_in(nodes: Iterable[ast.AST]) -> set[str]:
	return {name.id for node in nodes for name in ast.walk(node) if isinstance(name, ast.Name)}


def untyped_endpoints(package: Path) -> list[str]:
	found = []
	for path, function in _whitelisted(package):
		a = function.args
		arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg, a.kwarg])]
		bare = [x.arg for x in arguments if x.annotation is None and x.arg not in ("self", "cls")]
		bare += ["return"] if function.returns is None else []
		if bare:
			found.append(f"{path.relative_to(package)}: {function.name} has no type for {', '.join(bare)}")
	return found


def unlimited_acts(package: Path) -> list[str]:
	"""Endpoints that act (POST only) as often as anybody likes."""
	return [
		f"{path.relative_to(package)}: {function.name}"
		for path, function in _whitelisted(package)
		if any("POST" in ast.unparse(mark) for mark in function.decorator_list)
		and not any(ast.unparse(mark).startswith("rate_limit(") for mark in function.decorator_list)
	]


def _whitelisted(package: Path) -> Iterator[tuple[Path, ast.FunctionDef]]:
	for path in files(package, "*.py"):
		for node in ast.walk(ast.parse(path.read_text("utf-8"))):
			if isinstance(node, ast.FunctionDef):
				marks = [ast.unparse(d).partition("(")[0] for d in node.decorator_list]
				if any(mark.rpartition(".")[2] == "whitelist" for mark in marks):
					yield path, node


def hollow_tests(package: Path) -> list[str]:
	"""Test files without a test, and tests that assert nothing."""
	found = []
	for path in files(package, "test_*.py"):
		tree = ast.parse(path.read_text("utf-8"))
		functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
		asserting = {name for name, node in functions.items() if _asserts(node, set())}
		tests = [name for name in functions if name.startswith("test")]
		if not tests:
			found.append(f"{path.name} has no test")
		hollow = [name for name in tests if not _asserts(functions[name], asserting)]
		found += [f"{path.name}: {name} asserts nothing" for name in hollow]
	return found


def _asserts(function: ast.FunctionDef, helpers: set[str]) -> bool:
	for node in ast.walk(function):
		if isinstance(node, ast.Assert):
			return True
		if isinstance(node, ast.Call):
			name = ast.unparse(node.func).rpartition(".")[2]
			if name.lower().startswith(("assert", "raises", "fail")) or name in helpers | {"wait_until"}:
				return True
	return False


def dead_hooks(package: Path) -> list[str]:
	"""Dotted paths and files named in hooks.py which do not exist."""
	found = []
	for node in ast.walk(ast.parse((package / "hooks.py").read_text("utf-8"))):
		if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
			continue
		value = node.value
		if re.fullmatch(r"[\w-]+\.bundle\.(js|css)", value):
			source = value.replace(".css", ".*css")
			exists = any(files(package / "public", source))
		elif re.fullmatch(rf"{APP}(\.\w+)+", value):
			exists = resolves(package, value.split(".")[1:])
		elif value.startswith(f"/assets/{APP}/") and "/dist/" not in value:
			exists = (package / "public" / value.removeprefix(f"/assets/{APP}/")).is_file()
		elif re.fullmatch(r"[\w./-]+/[\w.-]+\.(js|css|html)", value) and not value.startswith("/"):
			exists = (package / value).is_file()
		else:
			continue
		if not exists:
			found.append(f"hooks.py names {value}")
	return found


def resolves(package: Path, parts: list[str]) -> bool:
	"""Whether a dotted path below the package names a folder, a module, or what a module or class of it defines."""
	folder = package
	while parts and (folder / parts[0]).is_dir():
		folder, parts = folder / parts[0], parts[1:]
	module = folder / f"{parts[0]}.py" if parts else folder / "__init__.py"
	if parts and module.is_file():
		parts = parts[1:]
	else:
		module = folder / "__init__.py"
	if not parts:
		return True
	scope: list[ast.stmt] = ast.parse(module.read_text("utf-8")).body if module.is_file() else []
	for part in parts:
		nodes = [node for node in scope if part in _names(node)]
		if not nodes:
			return False
		scope = nodes[0].body if isinstance(nodes[0], ast.ClassDef) else []
	return True


def _names(node: ast.stmt) -> set[str]:
	"""Names that a statement makes."""
	if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
		return {node.name}
	if isinstance(node, (ast.Import, ast.ImportFrom)):
		return {alias.asname or alias.name for alias in node.names}
	if isinstance(node, (ast.Assign, ast.AnnAssign)):
		targets = node.targets if isinstance(node, ast.Assign) else [node.target]
		return {target.id for target in targets if isinstance(target, ast.Name)}
	if isinstance(node, (ast.If, ast.Try)):
		handlers = node.handlers if isinstance(node, ast.Try) else []
		inner = [*node.body, *node.orelse, *(n for handler in handlers for n in handler.body)]
		return set().union(*map(_names, inner))
	return set()


def live_lines(text: str) -> list[str]:
	"""Lines of code: no blank ones, no comments, nothing that Frappe wrote itself."""
	text = re.sub(r"# begin: auto-generated types.*?# end: auto-generated types", "", text, flags=re.DOTALL)
	return [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def body_lines(function: ast.FunctionDef, text: str) -> int:
	"""Lines of code in a function's body, without its docstring."""
	body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
	if not body:
		return 0
	return len(live_lines("\n".join(text.splitlines()[body[0].lineno - 1 : function.end_lineno])))


def too_long(package: Path, tests: Path) -> list[str]:
	found: list[str] = []

	def check(what: str, size: int, limit: int) -> None:
		if size > limit:
			found.append(f"{what} has {size} lines of at most {limit}")

	for path in files(package, "*.py"):
		inside, text = path.relative_to(package), path.read_text("utf-8")
		is_core = inside.parts[0] == "core"
		if is_core:
			check(str(inside), len(text.splitlines()), 300)
		for node in ast.walk(ast.parse(text)):
			if isinstance(node, ast.FunctionDef) and not path.name.startswith("test_"):
				check(f"{inside}: {node.name}", body_lines(node, text), 25 if is_core else 40)
	for path, function in _whitelisted(package):
		if "api" in path.relative_to(package).parts:
			check(f"api/{path.name}: {function.name}", body_lines(function, path.read_text("utf-8")), 10)
	for path in files(package, "doctype/*/*.py"):
		if path.stem == path.parent.name:
			check(str(path.relative_to(package)), len(live_lines(path.read_text("utf-8"))), 60)
	check("hooks.py", len(live_lines((package / "hooks.py").read_text("utf-8"))), 120)
	for path in [*files(tests, "test_*.py"), *files(package, "test_*.py")]:
		check(path.name, len(path.read_text("utf-8").splitlines()), 400)
	for path in files(package, "*.js"):
		check(str(path.relative_to(package)), len(path.read_text("utf-8").splitlines()), 250)
	return found


def sizes(package: Path) -> dict[str, float]:
	"""Median and 90th percentile of the lines of modules, and of the lines of code of functions."""
	modules, functions = [], []
	for path in files(package, "*.py"):
		if path.name != "__init__.py" and not path.name.startswith("test_"):
			text = path.read_text("utf-8")
			modules.append(len(text.splitlines()))
			nodes = ast.walk(ast.parse(text))
			functions += [body_lines(node, text) for node in nodes if isinstance(node, ast.FunctionDef)]
	return {
		"module median": statistics.median(modules),
		"module p90": sorted(modules)[int(len(modules) * 0.9)],
		"function median": statistics.median(functions),
		"function p90": sorted(functions)[int(len(functions) * 0.9)],
	}


RETIRED = frozenset("told tell given wanted asked taken one every most like mild far held".split())
"""Words that say nothing of what they name: the field has nouns and verbs for it."""


def retired_names(folder: Path) -> list[str]:
	"""Variables, arguments, functions, classes, attributes and modules that are called by a retired word.

	`like` is SQL's operator in `core/patterns`.
	"""
	found = set()
	for path in files(folder, "*.py"):
		inside = str(path.relative_to(folder))
		nodes = ast.walk(ast.parse(path.read_text("utf-8")))
		names = {path.stem} | {name for node in nodes for name in _named(node)}
		if inside.endswith("core/patterns.py"):
			names.discard("like")
		found |= {f"{inside}: {name}" for name in names if name.strip("_") in RETIRED}
	return sorted(found)


def _named(node: ast.AST) -> Iterator[str]:
	"""Names that a node gives to something."""
	if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
		yield node.name
	elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
		yield node.id
	elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
		yield node.attr
	elif isinstance(node, ast.arg):
		yield node.arg
	elif isinstance(node, ast.alias):
		yield node.asname or ""
	elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
		yield node.name or ""


def catch_alls(package: Path) -> list[str]:
	"""Files whose name says nothing."""
	names = {"utils", "helpers", "misc", "common"}
	return [
		str(p.relative_to(package))
		for p in files(package, "*.*")
		if p.stem in names and p.suffix in (".py", ".js")
	]


def endpoint_callers(package: Path) -> list[str]:
	"""JS files which name endpoints of the app."""
	return [
		str(path.relative_to(package))
		for path in files(package, "*.js")
		if f"{APP}.api." in path.read_text("utf-8")
	]


def broken_json(package: Path) -> list[str]:
	found = []
	for path in files(package, "*.json"):
		try:
			json.loads(path.read_text("utf-8"))
		except ValueError as error:
			found.append(f"{path.relative_to(package)}: {error}")
	return found
