"""Hooks `before_job` and `after_job`: one each, as Frappe takes a tenth of a millisecond to call a hook.

Each takes at most `limits.HOOK_SECONDS` of a job, whatever Redis does, so that a job loses a second at most.
"""

from __future__ import annotations

from typing import Any

from rq import get_current_job

from job_monitor import background_jobs_patch
from job_monitor.core import limits
from job_monitor.progress import progress
from job_monitor.recorder import monitor_tag, recording
from job_monitor.recorder.guard import beside_the_job


@beside_the_job("the start of a job is not recorded", limits.HOOK_SECONDS, over=False)
def before(method: str = "", kwargs: dict[str, Any] | None = None, **_other: Any) -> None:
	"""Record that a job begins, and add its queue to Frappe's monitor log. Never raises."""
	if not background_jobs_patch.installed:
		background_jobs_patch.install()
	job = get_current_job()
	if job is not None:
		try:
			recording.begin(job, method, kwargs)
		finally:
			monitor_tag.tag(job)


@beside_the_job(
	"the end of a job is not recorded, or that of its tasks not shown", limits.HOOK_SECONDS, over=True
)
def after(**_kwargs: Any) -> None:
	"""Record how a job ended, and publish the end of its tasks. Never raises."""
	try:
		recording.end()
	finally:
		progress.finish()
