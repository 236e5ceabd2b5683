"""Rows of RQ Job: jobs of core as a document's fields."""

from __future__ import annotations

from datetime import datetime

from job_monitor.bridge.lists.list_rows import Row
from job_monitor.bridge.timezones import to_site
from job_monitor.bridge.wording import translated
from job_monitor.core import clock
from job_monitor.core.rq import keys
from job_monitor.core.rq.records import Job


def row(job: Job, now: datetime) -> Row:
	"""The row of a job: durations in seconds, moments in the site's time zone."""
	problem = translated(job.problem)
	changed = [m for m in (job.created_at, job.enqueued_at, job.started_at, job.ended_at) if m]
	modified = to_site(max(changed)) if changed else None
	running = clock.seconds_between(job.started_at, now) if job.status == keys.STARTED else None
	waiting = clock.seconds_between(job.enqueued_at, now) if job.status == keys.QUEUED else None
	return Row(
		name=job.id,
		job_id=job.id,
		queue=job.queue,
		status=job.status,
		job_name=job.name or job.method or problem,
		method=job.method,
		arguments=job.arguments or problem,
		exc_info=job.exception or None,
		timeout=job.timeout,
		created_at=to_site(job.created_at),
		enqueued_at=to_site(job.enqueued_at),
		started_at=to_site(job.started_at),
		ended_at=to_site(job.ended_at),
		wait=job.wait if job.wait is not None else waiting,
		time_taken=job.duration if job.duration is not None else running,
		worker=job.worker,
		user=job.user,
		progress=job.progress,
		retries_left=job.retries_left,
		expires_in=job.ttl,
		job_meta=job.meta,
		dependents="\n".join(job.dependents),
		dependencies="\n".join(job.dependencies),
		problem=problem,
		creation=to_site(job.created_at) or modified,
		modified=modified,
		owner=job.user or "Administrator",
		modified_by=job.user or "Administrator",
		docstatus=0,
		_comment_count=0,
	)
