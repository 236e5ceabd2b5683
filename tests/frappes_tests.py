"""Runs Frappe's own tests and notes each one's outcome. Run by `scripts/test --site`, on a site with the app and without.

	cd BENCH/sites; ../env/bin/python tests/frappes_tests.py run FILE SITE MODULE...
	python tests/frappes_tests.py compare WITH WITHOUT     tells tests that fail with the app only; 1 if there are any

Frappe's command `run-tests` does it, as it does for its own developers; only what it counts is written down here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any


def note(file: Path) -> None:
	"""From now on each outcome of a test is a line of the file."""

	def noting(outcome: str) -> None:
		kept = getattr(unittest.TestResult, outcome)

		def add(self: Any, test: Any, *more: Any) -> None:
			with file.open("a") as lines:
				lines.write(json.dumps([test.id(), outcome, _last_line(more)]) + "\n")
			kept(self, test, *more)

		setattr(unittest.TestResult, outcome, add)

	for outcome in ("addSuccess", "addFailure", "addError", "addSkip"):
		noting(outcome)


def _last_line(more: tuple[Any, ...]) -> str:
	if not more or not isinstance(more[0], tuple):
		return str(more[0]) if more else ""
	kind, error, _trace = more[0]
	return f"{kind.__name__}: {str(error)[:300]}"


def run(file: Path, site: str, modules: list[str]) -> None:
	"""Each module in a process of its own, as some leave their settings behind."""
	for module in modules:
		command = [sys.executable, __file__, "run-one", str(file), site, module]
		done = subprocess.run(command, capture_output=True, text=True)
		if f'["{module}.' not in file.read_text():  # broken before its first test
			with file.open("a") as lines:
				lines.write(json.dumps([module, "addError", done.stderr[-300:] or done.stdout[-300:]]) + "\n")


def run_one(file: Path, site: str, module: str) -> None:
	note(file)
	sys.path.pop(0)  # this folder
	from frappe.utils.bench_helper import main

	sys.argv = ["bench_helper", "frappe", "--site", site, "run-tests", "--module", module]
	main()


def outcomes(file: Path) -> dict[str, tuple[bool, str]]:
	"""Whether each test failed, and with what."""
	found: dict[str, tuple[bool, str]] = {}
	for line in file.read_text().splitlines():
		test, outcome, text = json.loads(line)
		bad = outcome in ("addFailure", "addError")
		if bad or test not in found:
			found[test] = bad, text
	return found


def compare(with_app: Path, without: Path) -> int:
	ours, theirs = outcomes(with_app), outcomes(without)
	worse = {test: text for test, (bad, text) in ours.items() if bad and not theirs.get(test, (False, ""))[0]}
	worse |= {test: "did not run" for test in theirs if test not in ours}
	for test, text in worse.items():
		print(f"fails with the app only: {test}: {text}")
	for test, (bad, text) in theirs.items():
		if bad:
			print(
				f"fails without the app{', too' if ours.get(test, (False,))[0] else ' only'}: {test}: {text}"
			)
	print(f"{len(ours)} tests of Frappe's with the app, {len(theirs)} without: {len(worse)} differ")
	return int(bool(worse))


if __name__ == "__main__":
	act, *arguments = sys.argv[1:]
	if act == "run":
		run(Path(arguments[0]), arguments[1], arguments[2:])
	elif act == "run-one":
		run_one(Path(arguments[0]), *arguments[1:])
	else:
		sys.exit(compare(Path(arguments[0]), Path(arguments[1])))
