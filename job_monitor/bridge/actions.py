"""Acting on jobs of this site: who may, what it did, and who did it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import frappe

from job_monitor.bridge import roles, session
from job_monitor.core import actions, limits

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
