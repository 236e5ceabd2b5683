"""Tasks of users: reads their states, publishes those of client scripts, and asks jobs to stop."""

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
from job_monitor.progress import task_states
from job_monitor.progress.progress import STOP_FIELD

SHOWN_SECONDS = {"running": task_states.SILENT_SECONDS, "done": 30, "failed": 3600}
"""Age up to which a state is shown. A running task publishes its own four times a second."""


def of_session() -> list[dict[str, Any]]:
	"""The states of the session user's tasks, oldest first; old ones are left out."""
	now = now_datetime()
	shown = []
	for state in task_states.read(frappe.session.user):
		age = (now - get_datetime(state["at"])).total_seconds()
		if age < SHOWN_SECONDS.get(state.get("state"), 0):
			shown.append(state)
	return shown


def publish(percent: float, title: str, description: str, task_id: str, user: str) -> dict[str, Any]:
	"""Publish the state of a client script's task, see `api.progress.publish_progress`. Returns its id.

	Raises:
		frappe.PermissionError: The panel is another user's and the session user no manager, or it is that of guests.
		frappe.ValidationError: The progress is no percentage.
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
		# The id begins with the user, so that no client publishes states of another user's task
		"task_id": f"{frappe.session.user}|{(task_id or title)[: limits.PATTERN_CHARS]}",
		"job_id": None,
		"state": "done" if done else "running",
	}
	task_states.publish("task_complete" if done else "task_progress", state, user)
	return {"task_id": state["task_id"]}


def ask_to_stop(job_id: str) -> dict[str, Any]:
	"""Ask a running job to stop by itself, see `api.progress.ask_to_stop`. Returns done, status, message.

	Raises:
		frappe.PermissionError, frappe.DoesNotExistError, RedisUnavailable
	"""
	target = ("ask to stop", "RQ Job", job_id)
	with context.frappe_errors():
		client = context.client()
		job = read_job(client, job_id[: limits.ID_CHARS])
		with audit.denials(*target):
			_may_ask(job)
		if job.status != keys.STARTED:
			message = frappe._("it does not run; it is {0}").format(job.status)
			return {"done": False, "status": job.status, "message": message}
		message = frappe._("it was asked to stop")
		with audit.act(*target, lambda: _may_ask(job), method=job.method, again_and_again=True) as entry:
			client.connection.hset(keys.job_key(job.id), STOP_FIELD, frappe.session.user)
			entry.end(message, True)
	return {"done": True, "status": job.status, "message": message}


def _may_ask(job: Job) -> None:
	if not context.is_own(job) or frappe.session.user == "Guest":
		raise frappe.PermissionError
	if job.user != frappe.session.user:
		permissions.only_managers()
