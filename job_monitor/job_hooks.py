"""Hooks `before_job` and `after_job`: one each, as Frappe takes a tenth of a millisecond to call a hook."""

from __future__ import annotations

from typing import Any

from rq import get_current_job

from job_monitor import background_jobs_patch
from job_monitor.core import limits
from job_monitor.progress import progress
from job_monitor.recorder import monitor_tag, recording
from job_monitor.recorder.guard import beside_the_job

_SECONDS = limits.HOOK_SECONDS + 0.1
"""The recorder's own limit comes first, and says what was waited for."""


@beside_the_job("nothing is recorded of the start of a job", _SECONDS, over=False)
def before(method: str = "", kwargs: dict[str, Any] | None = None, **_other: Any) -> None:
	if not background_jobs_patch.installed:
		background_jobs_patch.install()
	job = get_current_job()
	if job is not None:
		try:
			recording.begin(job, method, kwargs)
		finally:
			monitor_tag.tag(job)


@beside_the_job("nothing is recorded of the end of a job", _SECONDS, over=True)
def after(**_kwargs: Any) -> None:
	try:
		recording.end()
	finally:
		progress.finish()
