"""Installing the app on a bench moves none of the versions that Frappe pins."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYTHONS = {"frappe15": ("3.10", "3.12"), "frappe16": ("3.13", "3.14"), "frappe164": ("3.14",)}
"""Oldest and newest Python that each runs on."""

CASES = [(name, python) for name, pythons in PYTHONS.items() for python in pythons]


def app_requirements() -> list[Requirement]:
	text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
	found = re.search(r"^dependencies = (\[.*?\])$", text, re.MULTILINE | re.DOTALL)
	assert found, "pyproject.toml has no dependencies"
	return [Requirement(line) for line in ast.literal_eval(found[1])]


def pins(name: str) -> dict[str, Requirement]:
	lines = (ROOT / "tests/pins" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
	found = [Requirement(line) for line in lines if line and not line.startswith("#")]
	return {canonicalize_name(pin.name): pin for pin in found}


def accepts(need: Requirement, pin: Requirement, python: str) -> bool:
	"""Whether a need takes the version that a pin names (`==1.2`) or starts from (`~=1.2`, `>=1.2`)."""
	if need.marker and not need.marker.evaluate({"python_version": python, "extra": ""}):
		return True
	named = [s.version for s in pin.specifier if s.operator in ("==", "~=", ">=")]
	return all(need.specifier.contains(version, prereleases=True) for version in named)


def needs_of(name: str) -> list[str]:
	try:
		return importlib.metadata.requires(name) or []
	except importlib.metadata.PackageNotFoundError:  # another Python's: it is not installed in this one
		return []


@pytest.mark.parametrize(("frappe", "python"), CASES)
def test_the_apps_own_needs_accept_frappes_pins(frappe: str, python: str) -> None:
	pinned = pins(frappe)
	clashes = [
		f"{need} against {pinned[canonicalize_name(need.name)]}"
		for need in app_requirements()
		if canonicalize_name(need.name) in pinned
		and not accepts(need, pinned[canonicalize_name(need.name)], python)
	]
	assert not clashes


@pytest.mark.parametrize(("frappe", "python"), CASES)
def test_what_those_need_in_turn_accepts_frappes_pins(frappe: str, python: str) -> None:
	pinned = pins(frappe)
	# What Frappe pins stays as it is, so only the others' needs can clash
	waiting = [need.name for need in app_requirements() if canonicalize_name(need.name) not in pinned]
	assert waiting, "nothing is left to look at"
	seen, clashes = set(waiting), []
	while waiting:
		name = waiting.pop()
		for need in map(Requirement, needs_of(name)):
			if need.marker and not need.marker.evaluate({"python_version": python, "extra": ""}):
				continue
			pin = pinned.get(canonicalize_name(need.name))
			if pin and not accepts(need, pin, python):
				clashes.append(f"{name} needs {need} against {pin}")
			elif not pin and need.name not in seen:
				seen.add(need.name)
				waiting.append(need.name)
	assert not clashes


@pytest.mark.parametrize(("frappe", "python"), CASES)
def test_pip_finds_versions_that_go_with_frappes_pins(frappe: str, python: str, tmp_path: Path) -> None:
	pinned = pins(frappe)
	constraints = tmp_path / "constraints.txt"
	# pip takes no extras in constraints
	constraints.write_text("".join(f"{pin.name}{pin.specifier}\n" for pin in pinned.values()))
	resolved = resolve(python, tmp_path, "--constraint", str(constraints))
	if isinstance(resolved, str):
		if isinstance(resolve(python, tmp_path), str):
			pytest.skip("pip reaches no package index here")
		pytest.fail(resolved)
	for name, version in resolved.items():
		assert name not in pinned or pinned[name].specifier.contains(version), f"{name} would be {version}"
	assert {"rq", "redis", "click", "rich"} <= set(resolved)


def resolve(python: str, folder: Path, *options: str) -> dict[str, str] | str:
	"""Versions pip would install for the app on that Python, or what it says if it finds none."""
	report = folder / "report.json"
	command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
	command += ["--python-version", python, "--only-binary", ":all:", "--target", str(folder / "target")]
	command += ["--report", str(report), *options, *map(str, app_requirements())]
	done = subprocess.run(
		command,
		capture_output=True,
		text=True,
		timeout=120,
	)
	if done.returncode:
		return done.stderr[-2000:]
	installs = json.loads(report.read_text(encoding="utf-8"))["install"]
	return {canonicalize_name(i["metadata"]["name"]): i["metadata"]["version"] for i in installs}
