"""Runs Frappe's own tests and notes each one's outcome. Run by `scripts/test --site`, on a site without the app and with it.

	cd BENCH/sites
	../env/bin/python tests/site/frappes_tests.py run FILE SITE MODULE...
	../env/bin/python tests/site/frappes_tests.py compare FILE SITE FILE_WITHOUT    1 if a test fails with the app only

Frappe's command `run-tests` does it, as it does for its own developers; only what it counts is written down here.
Many of these tests race with workers and clocks, so what fails with the app only is run twice more before it counts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
	module: str
	bad: bool
	text: str


Outcomes = dict[str, Outcome]
"""By id of the test; a class whose preparation fails counts as one."""


def note(file: Path, module: str) -> None:
	"""From now on each outcome of a test is a line of the file."""

	def noting(name: str) -> None:
		kept = getattr(unittest.TestResult, name)

		def add(self: Any, test: Any, *more: Any) -> None:
			_write(file, module, test.id(), name in ("addFailure", "addError"), _text(more))
			kept(self, test, *more)

		setattr(unittest.TestResult, name, add)

	for name in ("addSuccess", "addFailure", "addError", "addSkip"):
		noting(name)


def _text(more: tuple[Any, ...]) -> str:
	if not more or not isinstance(more[0], tuple):
		return str(more[0]) if more else ""
	kind, error, _trace = more[0]
	return f"{kind.__name__}: {str(error)[:300]}"


def _write(file: Path, *values: Any) -> None:
	with file.open("a") as lines:
		lines.write(json.dumps(values) + "\n")


def read(file: Path) -> Outcomes:
	found: Outcomes = {}
	for line in file.read_text().splitlines():
		module, test, bad, text = json.loads(line)
		if bad or test not in found:
			found[test] = Outcome(module, bad, text)
	return found


def run(file: Path, site: str, modules: list[str]) -> None:
	"""Each module in a process of its own, as some leave their settings behind; one leaves a DocType in Frappe's folder."""
	for module in modules:
		command = [sys.executable, __file__, "run-one", str(file), site, module]
		folders = _doctype_folders()
		done = subprocess.run(command, capture_output=True, text=True)
		for folder in _doctype_folders() - folders:
			shutil.rmtree(folder)
		if not file.exists() or module not in {outcome.module for outcome in read(file).values()}:
			_write(file, module, module, True, f"no test ran: {(done.stderr or done.stdout)[-300:]}")


def _doctype_folders() -> set[Path]:
	return set(Path("../apps/frappe/frappe").glob("*/doctype/*/"))


def run_one(file: Path, site: str, module: str) -> None:
	note(file, module)
	sys.path.pop(0)  # this folder
	from frappe.utils.bench_helper import main

	sys.argv = ["bench_helper", "frappe", "--site", site, "run-tests", "--module", module]
	main()


def worse(ours: Outcomes, theirs: Outcomes) -> Outcomes:
	"""What fails with the app only."""
	fine = {test for test, outcome in theirs.items() if not outcome.bad}
	found = {
		test: outcome
		for test, outcome in ours.items()
		if outcome.bad and (test in fine or test not in theirs)
	}
	missing = {test: outcome for test, outcome in theirs.items() if test not in ours}
	return found | {test: Outcome(outcome.module, True, "did not run") for test, outcome in missing.items()}


def compare(file: Path, site: str, without: Path) -> int:
	ours, theirs = read(file), read(without)
	for attempt in (2, 3):
		left = worse(ours, theirs)
		if not left:
			break
		again = Path(f"{file}.{attempt}")
		run(again, site, sorted({outcome.module for outcome in left.values()}))
		for test, outcome in read(again).items():
			if test in left and not outcome.bad:
				print(f"passes at attempt {attempt}: {test}: {left[test].text}")
				ours[test] = outcome
	left = worse(ours, theirs)
	for test, outcome in left.items():
		print(f"fails with the app only: {test}: {outcome.text}")
	for test, outcome in theirs.items():
		if outcome.bad:
			both = test in ours and ours[test].bad
			print(f"fails without the app{', too' if both else ' only'}: {test}: {outcome.text}")
	print(f"{len(ours)} tests of Frappe's with the app, {len(theirs)} without: {len(left)} fail with it only")
	return int(bool(left))


if __name__ == "__main__":
	act, path, *arguments = sys.argv[1:]
	if act == "run":
		run(Path(path), arguments[0], arguments[1:])
	elif act == "run-one":
		run_one(Path(path), *arguments)
	else:
		sys.exit(compare(Path(path), arguments[0], Path(arguments[1])))
