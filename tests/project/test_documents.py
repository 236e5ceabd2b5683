"""What the documents say about the project is true of it, as far as that can be read off the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.documents import ROOT

ARCHITECTURE = ROOT / ".github" / "ARCHITECTURE.md"


@pytest.mark.parametrize("document", documents.documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document: Path) -> None:
	assert not documents.dead_names(document)


@pytest.mark.parametrize(
	("text", "dead"),
	[
		("see `core/rq/keys.py`", []),
		("see `core/rq/hydrate.py`", ["core/rq/hydrate.py"]),
		("`tasks.sweep` and `tasks.gone()`", ["tasks.gone()"]),
		("`job_monitor.doctype.rq_job.rq_job.RQJob.get_list`", []),
		("`job_monitor.doctype.rq_job.rq_job.RQJob.gone`", ["job_monitor.doctype.rq_job.rq_job.RQJob.gone"]),
		("`job_monitor.doctype.rq_job.rq_job.RQJob`", []),
		("`scripts/test --all`, `scripts/gone --all`", ["scripts/gone --all"]),
		("`frappe.get_all`, `frappe/utils/gone.py`, `a/b`", []),
		("[here](README.md) and [there](GONE.md)", ["README.md", "GONE.md"]),
		("```\ncore/rq/gone.py\n```", []),
	],
)
def test_a_name_that_is_gone_is_found(text: str, dead: list[str], tmp_path: Path) -> None:
	document = tmp_path / "DOCUMENT.md"
	document.write_text(text, encoding="utf-8")
	assert documents.dead_names(document) == dead


def test_what_docstrings_and_comments_name_exists() -> None:
	assert not documents.dead_names_in_code(documents.PACKAGE)


def test_a_name_that_is_gone_is_found_in_docstrings_and_comments(tmp_path: Path) -> None:
	(tmp_path / "a.py").write_text(
		'"""See `core.gone.thing`, `core.clock.now()`, `frappe.gone`."""\n# `alerts.gone`\ntext = "`core.no_prose`"\n',
		encoding="utf-8",
	)
	assert documents.dead_names_in_code(tmp_path) == ["a.py: core.gone.thing", "a.py: alerts.gone"]


def test_the_tree_has_every_room_and_says_what_is_in_it() -> None:
	tree = documents.tree(ARCHITECTURE)
	assert [str(path) for path in tree if not path.exists()] == []
	assert [str(room) for room in documents.rooms() if room not in tree] == []
	assert [str(path) for path, about in tree.items() if not about] == []


def test_the_readme_of_tests_has_every_folder() -> None:
	assert not documents.unnamed_test_folders()


def test_pre_commit_runs_the_ruff_that_ci_runs() -> None:
	config, project = (
		(ROOT / name).read_text("utf-8") for name in (".pre-commit-config.yaml", "pyproject.toml")
	)
	rev = re.search(r"/ruff-pre-commit\n.*\n\s+rev: v(.+)", config)
	assert rev and f'"ruff=={rev[1]}"' in project
