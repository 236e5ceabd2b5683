"""Acts on jobs, workers and schedules of this site: permission, the act of core, its row in the audit."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import frappe

from job_monitor.bridge import audit, context, permissions
from job_monitor.bridge.markup import as_html
from job_monitor.bridge.schedules import schedule_health
from job_monitor.bridge.wording import translated
from job_monitor.core import limits
from job_monitor.core.acts import actions, messages, stack
from job_monitor.core.errors import JobNotFound, StackUnavailable
from job_monitor.core.rq import keys, workers
from job_monitor.core.rq.client import RqClient
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.query import JobQuery
from job_monitor.core.rq.search import search
from job_monitor.core.schedules.messages import STATE_LABELS

JOB = "RQ Job"
_MESSAGE_CHARS = 500

REMOVE_SECONDS = 60.0
"""Time that removing all failed jobs may take in a request; its message says whether jobs are left."""


def act(action: str, job_id: str) -> dict[str, Any]:
	"""Stop, retry, cancel or remove one job of this site. Managers only, audited.

	Returns:
		`{"done": False if the job's state did not allow it, "status": afterwards, "message": in words}`.

	Raises:
		frappe.PermissionError: No manager, or another site's job.
		frappe.DoesNotExistError, RedisUnavailable
	"""
	with audit.act(action, JOB, job_id) as entry:
		with context.frappe_errors():
			client = context.client()
			job = read_job(client, job_id[: limits.ID_CHARS])
			if not context.is_own(job):
				raise frappe.PermissionError
			entry.of(job.method)
			outcome = getattr(actions, action)(client, job.id)
		entry.end(outcome.message, outcome.done)
	return _shape(outcome)


def _shape(outcome: messages.Outcome) -> dict[str, Any]:
	return asdict(outcome) | {"message": translated(outcome.message)}


def act_with_message(action: str, job_id: str) -> None:
	"""Act for callers of Frappe's methods: where it was not possible they expect a message and no error. See `act`."""
	outcome = act(action, job_id)
	if not outcome["done"]:
		frappe.msgprint(as_html(outcome["message"], _MESSAGE_CHARS), title=frappe._("Invalid Operation"))


def remove_or_throw(job_id: str) -> None:
	"""Remove one job, or raise: so Desk's bulk delete counts a running job among those that were not deleted. See `act`.

	Raises:
		frappe.ValidationError: It was not possible.
	"""
	outcome = act("remove", job_id)
	if not outcome["done"]:
		frappe.throw(as_html(outcome["message"], _MESSAGE_CHARS), title=frappe._("Invalid Operation"))


def remove_failed() -> dict[str, Any]:
	"""Delete this site's failed and stopped jobs from Redis. Managers only, audited as one act.

	Returns:
		`{"done": jobs deleted, "skipped": jobs that had left the state meanwhile, "message": in words}`.

	Raises:
		frappe.PermissionError, RedisUnavailable
	"""
	with audit.act("remove failed jobs", JOB, "failed") as entry:
		with context.frappe_errors():
			done, skipped, more = _remove_failed(context.client())
		message = frappe._("{0} deleted").format(done)
		if skipped:
			message += " · " + frappe._("{0} had changed meanwhile").format(skipped)
		if more:
			message += " · " + frappe._("there are more; do it again")
		entry.end(message, done=not more)
	return {"done": done, "skipped": skipped, "message": message}


def _remove_failed(client: RqClient) -> tuple[int, int, bool]:
	"""Number of jobs deleted, number of jobs not deleted, and whether jobs may be left."""
	query = JobQuery(
		statuses=(keys.FAILED, "stopped"),
		site=frappe.local.site,
		limit=limits.PAGE_ROWS,
		columns=frozenset(),
	)
	done, skipped = 0, set[str]()
	deadline = time.monotonic() + REMOVE_SECONDS
	while time.monotonic() < deadline:
		# Deleted jobs are gone from the next answer; those that could not be deleted stand before the rest
		found = search(client, query.only(offset=min(len(skipped), limits.OFFSET_ROWS)))
		if not found.rows:
			return done, len(skipped), not found.complete
		for job in found.rows:
			try:
				outcome = actions.remove(client, job.id)
			except JobNotFound:
				continue
			done += outcome.done
			skipped |= set() if outcome.done else {job.id}
	return done, len(skipped), True


def worker_stack(name: str) -> dict[str, Any]:
	"""The stack of a worker's process, right now. Managers only, audited.

	Returns:
		`{"text", "pid", "by"}`; where it cannot be read from here `{"text": "", "problem": why and what to do}`.

	Raises:
		frappe.PermissionError: No manager, or the worker runs another site's job.
		frappe.DoesNotExistError, RedisUnavailable
	"""
	with audit.act("stack", "RQ Worker", name) as entry:
		with context.frappe_errors():
			worker = workers.read_one(context.client(), name[: limits.ID_CHARS])
		if not context.is_of_bench(worker):
			raise frappe.DoesNotExistError
		if any(keys.site_of(i) != frappe.local.site for i in worker.current_job_ids):
			raise frappe.PermissionError(frappe._("This worker runs a job of another site."))
		try:
			found = asdict(stack.take(worker))
		except StackUnavailable as error:
			found = {"text": "", "problem": translated(error.detail)}
		entry.end(found.get("problem") or f"process {found['pid']}", bool(found["text"]))
	return found


def job_stack(job_id: str) -> dict[str, Any]:
	"""The stack of the process that runs a job of this site. See `worker_stack`."""
	with audit.denials("stack", JOB, job_id):
		permissions.only_managers()
		with context.frappe_errors():
			job = read_job(context.client(), job_id[: limits.ID_CHARS])
		if not context.is_own(job):
			raise frappe.PermissionError
	if job.status != keys.STARTED or not job.worker:
		return {
			"text": "",
			"problem": frappe._("the job does not run; it is {0}").format(frappe._(job.status)),
		}
	return worker_stack(job.worker)


def release(schedule: str) -> dict[str, Any]:
	"""Delete the zombie that blocks a schedule of this site. Managers only, audited.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, RedisUnavailable
	"""
	with audit.act("release", schedule_health.TYPE, schedule) as entry:
		with context.frappe_errors():
			healths = schedule_health.read([schedule])
			if not healths:
				raise frappe.DoesNotExistError(frappe._("There is no such schedule."))
			health = healths[0]
			if not health.blocked_by:
				outcome = messages.outcome("not-blocked", False, why=STATE_LABELS[health.state])
				entry.end(outcome.message, False)
				return _shape(outcome)
			entry.of(health.method)
			outcome = actions.release(context.client(), health.blocked_by)
		entry.end(outcome.message, outcome.done)
	return _shape(outcome)
