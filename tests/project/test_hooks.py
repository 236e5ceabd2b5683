"""Hooks are kept in Redis: a process with new code may be asked for what an older release named, until the cache is cleared."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OF_RELEASES = (
	"job_monitor.api.queues.get_queue_info",
	"job_monitor.around_jobs.after",
	"job_monitor.around_jobs.before",
	"job_monitor.bridge.boot.extend",
	"job_monitor.compat.before_request",
	"job_monitor.compat.install",
	"job_monitor.install.after_install",
	"job_monitor.install.after_migrate",
	"job_monitor.install.after_uninstall",
	"job_monitor.job_monitor.doctype.rq_job.rq_job.RQJob",
	"job_monitor.job_monitor.doctype.rq_worker.rq_worker.RQWorker",
	"job_monitor.job_monitor.doctype.scheduled_job_log.scheduled_job_log.ScheduledJobLog",
	"job_monitor.job_monitor.doctype.scheduled_job_type.scheduled_job_type.ScheduledJobType",
	"job_monitor.tasks.check_error_rate",
	"job_monitor.tasks.sweep",
)
"""Paths that hooks.py of a release has named: requests and jobs break where one of them leads nowhere."""

NOW = tuple(
	sorted(set(re.findall(r'"(job_monitor(?:\.\w+)+\.\w+)"', (ROOT / "job_monitor/hooks.py").read_text())))
)


@pytest.mark.parametrize("path", sorted({*OF_RELEASES, *NOW}))
def test_every_path_that_hooks_have_ever_named_leads_somewhere(path: str) -> None:
	module, _, name = path.rpartition(".")
	if path.endswith((".bundle.js", ".bundle.css")):
		return
	file = ROOT / (module.replace(".", "/") + ".py")
	assert file.is_file(), f"{module} is gone; leave a module there that imports {name}"
	assert name in _names(file), f"{path} is gone; leave the old name beside the new one"


def _names(file: Path) -> set[str]:
	found: set[str] = set()
	for node in ast.parse(file.read_text(encoding="utf-8")).body:
		if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
			found.add(node.name)
		elif isinstance(node, ast.Assign):
			found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
		elif isinstance(node, (ast.Import, ast.ImportFrom)):
			found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
	return found
