"""Reads the project's documents, and names what they speak of that the project has not."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.support import fences

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / fences.APP

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
_SUFFIX = re.compile(r"\.(py|js|mjs|json|css|md|toml|txt|po|pot|png|yml|yaml)$")
_DOTTED = re.compile(r"\w+(\.\w+)+")


def documents() -> list[Path]:
	"""All but the changelog, which also names what is gone."""
	found = [ROOT / "README.md", *sorted((ROOT / ".github").glob("*.md"))]
	for folder in ("tests", "scripts", fences.APP):
		found += fences.files(ROOT / folder, "README.md")
	return found


def dead_names(document: Path) -> list[str]:
	"""Paths of files and folders, dotted names of the package, and links that lead nowhere."""
	text = _FENCE.sub("", document.read_text("utf-8"))
	links = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
	return links + [code for code in _CODE.findall(text) if not _exists(code, document.parent)]


def _exists(code: str, folder: Path) -> bool:
	"""Whether a piece of code names something that is there, or nothing of this project."""
	word = code.split()[0].rstrip("…,:")
	bases = (folder, ROOT, PACKAGE, PACKAGE / fences.APP, ROOT / ".github")
	if "/" in word or _SUFFIX.search(word):
		top = word.split("/")[0]
		ours = bool(top) and any((base / top).exists() for base in bases)
		return not ours or any(any(base.glob(word.rstrip("/"))) for base in bases)
	name = word.partition("(")[0]
	parts = name.split(".")
	if not _DOTTED.fullmatch(name) or not (parts[0] == fences.APP or _is_below(PACKAGE, parts[0])):
		return True
	below = parts[1:] if parts[0] == fences.APP else parts
	return fences.resolves(PACKAGE, parts) or fences.resolves(PACKAGE, below)


def _is_below(folder: Path, name: str) -> bool:
	return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


_ROOMS = ("core", "bridge", "recorder", "alerts", "notify", "cli", "api", "progress")


def dead_names_in_code(package: Path) -> list[str]:
	"""Dotted names in backticks, in docstrings and comments, that begin with a package of ours and lead nowhere."""
	return [
		f"{path.relative_to(package)}: {name}"
		for path in fences.files(package, "*.py")
		for name in _named_in_prose(path)
		if not fences.resolves(PACKAGE, name.split("."))
	]


def _named_in_prose(path: Path) -> Iterator[str]:
	for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
		if token.type == tokenize.COMMENT or (
			token.type == tokenize.STRING and token.string.startswith('"""')
		):
			for code in _CODE.findall(token.string):
				name = code.removeprefix(f"{fences.APP}.").partition("(")[0]
				if _DOTTED.fullmatch(name) and name.split(".")[0] in _ROOMS:
					yield name


def tree(document: Path) -> dict[Path, str]:
	"""Folders of the tree that a document draws, by two spaces a level, and what it says of each."""
	drawn = next(
		block for block in _FENCE.findall(document.read_text("utf-8")) if f"\n{fences.APP}/" in block
	)
	found: dict[Path, str] = {}
	above: list[str] = []
	for line in drawn.splitlines()[1:-1]:
		level = (len(line) - len(line.lstrip())) // 2
		name, _, about = line.strip().partition(" ")
		above = [*above[:level], name.rstrip("/")]
		found[ROOT.joinpath(*above)] = about.strip()
	return found


def rooms() -> Iterator[Path]:
	"""Folders of code that a reader may look for: not those of a single DocType, page or report."""
	for folder in sorted({path.parent for path in fences.files(PACKAGE, "*.py")}):
		inside = folder.relative_to(PACKAGE).parts
		if inside[:1] != (fences.APP,) or len(inside) == 2:
			yield folder


def unnamed_test_folders() -> list[str]:
	"""Folders of tests that `tests/README.md` does not name."""
	text = (ROOT / "tests" / "README.md").read_text("utf-8")
	folders = {path.parent for path in fences.files(ROOT / "tests", "*.*")} - {ROOT / "tests"}
	return sorted(name for f in folders if f"`{(name := str(f.relative_to(ROOT)))}`" not in text)
