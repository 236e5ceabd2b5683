"""Hooks `before_job` and `after_job`: one each, as Frappe takes a tenth of a millisecond to call a hook."""

from __future__ import annotations

from typing import Any

from job_monitor import compat, progress
from job_monitor.recorder import monitor, runs


def before(method: str = "", kwargs: dict[str, Any] | None = None, **_other: Any) -> None:
	"""What it calls is harmless by itself."""
	compat.install()
	runs.begin(method, kwargs)
	monitor.tag()


def after(**_kwargs: Any) -> None:
	progress.finish()
	runs.end()
