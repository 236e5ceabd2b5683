"""Acting on jobs of this site: who may, what it did, and who did it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import frappe

from job_monitor.bridge import roles, schedules, session
from job_monitor.core import actions, keys, limits, stack, workers
from job_monitor.core.errors import StackUnavailable

AUDIT = "Job Monitor Audit"


def act(action: str, job_id: str) -> dict[str, Any]:
	"""Stop, retry or remove one job of this site, and write down who did.

	Raises:
		frappe.PermissionError: No manager, or another site's job.
		frappe.DoesNotExistError, RedisUnavailable
	"""
	roles.only_managers()
	with session.translated():
		store = session.store()
		job = store.job(job_id[: limits.ID_CHARS])
		if not session.is_own(job):
			raise frappe.PermissionError
		outcome = getattr(actions, action)(store, job.id)
	audit(action, "RQ Job", job.id, outcome.message, outcome.done, method=job.method)
	return asdict(outcome)


def worker_stack(name: str) -> dict[str, Any]:
	"""What a worker's process does right now. Managers only, audited.

	Returns:
		`{"text", "pid", "by"}`; where none can be taken from here `{"text": "", "problem": why and what to do}`.

	Raises:
		frappe.PermissionError: No manager, or the worker runs another site's job.
		frappe.DoesNotExistError, RedisUnavailable
	"""
	roles.only_managers()
	with session.translated():
		worker = workers.read_one(session.store(), name[: limits.ID_CHARS])
	if not session.is_of_bench(worker):
		raise frappe.DoesNotExistError
	if any(keys.split_job_id(i)[0] != frappe.local.site for i in worker.current_job_ids):
		raise frappe.PermissionError(frappe._("This worker runs a job of another site."))
	try:
		taken = asdict(stack.take(worker))
	except StackUnavailable as error:
		taken = {"text": "", "problem": error.detail}
	audit(
		"stack",
		"RQ Worker",
		worker.name,
		taken.get("problem") or f"process {taken['pid']}",
		bool(taken["text"]),
	)
	return taken


def job_stack(job_id: str) -> dict[str, Any]:
	"""As `worker_stack`, for the worker that runs this job of this site."""
	roles.only_managers()
	with session.translated():
		job = session.store().job(job_id[: limits.ID_CHARS])
	if not session.is_own(job):
		raise frappe.PermissionError
	if job.status != keys.STARTED or not job.worker:
		return {"text": "", "problem": frappe._("the job does not run; it is {0}").format(job.status)}
	return worker_stack(job.worker)


def release(schedule: str) -> dict[str, Any]:
	"""Delete the zombie that blocks a schedule of this site. Managers only, audited.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, RedisUnavailable
	"""
	roles.only_managers()
	with session.translated():
		found = schedules.read([schedule])
		if not found:
			raise frappe.DoesNotExistError(frappe._("There is no such schedule."))
		if not found[0].blocked_by:
			message = frappe._("Nothing blocks it: it is {0}.").format(found[0].state)
			return asdict(actions.Outcome(False, "", message))
		outcome = actions.release(session.store(), found[0].blocked_by)
	audit("release", schedules.TYPE, schedule, outcome.message, outcome.done, found[0].method)
	return asdict(outcome)


def audit(
	action: str, subject_type: str, subject: str, outcome: str, done: bool = True, method: str = ""
) -> None:
	"""Write down who did what, in the request's own transaction."""
	frappe.get_doc(
		{
			"doctype": AUDIT,
			"action": action,
			"subject_type": subject_type,
			"subject": subject,
			"method": method[:140],
			"outcome": outcome,
			"done": int(done),
			"user": frappe.session.user,
		}
	).insert(ignore_permissions=True)
