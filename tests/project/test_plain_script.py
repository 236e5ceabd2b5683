"""A script of its own, in which no hook of Frappe runs, has the names that the reference promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT

SCRIPT = """
import job_monitor
from frappe.utils.background_jobs import get_jobs, get_queue_info
import inspect
assert "status" in inspect.signature(get_jobs).parameters
assert get_jobs() == "Frappe's own"
"""


def test_importing_the_app_is_enough(tmp_path: Path) -> None:
	package = tmp_path / "frappe" / "utils"
	package.mkdir(parents=True)
	for folder in (package.parent, package):
		(folder / "__init__.py").touch()
	body = "def get_jobs(site=None, queue=None, key='method'):\n\treturn \"Frappe's own\"\n"
	(package / "background_jobs.py").write_text(body)
	done = subprocess.run(
		[sys.executable, "-c", SCRIPT],
		env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
		capture_output=True,
		text=True,
		timeout=60,
		check=False,
	)
	assert done.returncode == 0, done.stderr
