"""Tasks of users, as `progress` keeps them: read, published by client scripts, asked to stop."""

from __future__ import annotations

from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

from job_monitor.bridge import audit, context, permissions
from job_monitor.bridge.markup import as_html
from job_monitor.core import limits
from job_monitor.core.rq import keys
from job_monitor.core.rq.jobs import read_job
from job_monitor.core.rq.records import Job
from job_monitor.progress import progress

SHOWN_SECONDS = {"running": progress.SILENT_SECONDS, "done": 30, "failed": 3600}
"""How old a state may be to be shown; a task that runs tells its own four times a second."""


def of_session() -> list[dict[str, Any]]:
	"""The session user's tasks, oldest first; stale ones are left out."""
	kept = frappe.cache.hgetall(f"{progress.TASKS}|{frappe.session.user}").values()
	now = now_datetime()
	shown = []
	for state in sorted(kept, key=lambda state: state["at"]):
		age = (now - get_datetime(state["at"])).total_seconds()
		if age < SHOWN_SECONDS.get(state.get("state"), 0):
			shown.append(state)
	return shown


def publish(percent: float, title: str, description: str, task_id: str, user: str) -> dict[str, Any]:
	"""See `api.progress.publish_progress`.

	Raises:
		frappe.PermissionError: Another user's panel, and no manager. Guests have none.
		frappe.ValidationError: No percentage.
	"""
	if frappe.session.user == "Guest":
		raise frappe.PermissionError
	if not 0 <= percent <= 100:
		frappe.throw(frappe._("progress is a number from 0 to 100"))
	if not user or user == frappe.session.user:
		return _publish(percent, title, description, task_id, frappe.session.user)
	with audit.act("publish progress", "User", user, method=title, again_and_again=True):
		if not frappe.db.exists("User", user):
			frappe.throw(frappe._("There is no user {0}").format(as_html(user)))
		return _publish(percent, title, description, task_id, user)


def _publish(percent: float, title: str, description: str, task_id: str, user: str) -> dict[str, Any]:
	done = percent >= 100
	state = {
		"progress": percent,
		"current": None,
		"total": None,
		"eta": None,
		"title": title[: limits.PATTERN_CHARS],
		"description": description[: limits.PATTERN_CHARS],
		"message": description[: limits.PATTERN_CHARS],
		# Clients cannot speak for each other's tasks: their ids are apart, by user
		"task_id": f"{frappe.session.user}|{(task_id or title)[: limits.PATTERN_CHARS]}",
		"job_id": None,
		"state": "done" if done else "running",
	}
	progress.publish("task_complete" if done else "task_progress", state, user)
	return {"task_id": state["task_id"]}


def ask_to_stop(job_id: str) -> dict[str, Any]:
	"""See `api.progress.ask_to_stop`.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, RedisUnavailable
	"""
	of = ("ask to stop", "RQ Job", job_id)
	with context.frappe_errors():
		client = context.client()
		job = read_job(client, job_id[: limits.ID_CHARS])
		with audit.denials(*of):
			_may_ask(job)
		if job.status != keys.STARTED:
			told = frappe._("it does not run; it is {0}").format(job.status)
			return {"done": False, "status": job.status, "message": told}
		told = frappe._("it was asked to stop")
		with audit.act(*of, lambda: _may_ask(job), method=job.method, again_and_again=True) as entry:
			client.connection.hset(keys.job_key(job.id), progress.STOP_FIELD, frappe.session.user)
			entry.end(told, True)
	return {"done": True, "status": job.status, "message": told}


def _may_ask(job: Job) -> None:
	if not context.is_own(job) or frappe.session.user == "Guest":
		raise frappe.PermissionError
	if job.user != frappe.session.user:
		permissions.only_managers()
