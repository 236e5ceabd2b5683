"""States of users' tasks: kept in Frappe's cache for those who look later, and sent to the user's room."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import frappe
from frappe.utils import now_datetime

from job_monitor.recorder.guard import never_raises

KEPT_SECONDS = 86_400
"""Life of the last states of a user's tasks."""

KEPT_TASKS = 50
"""States kept for a user at most, as the panel reads them all. One more, and the less needed half is deleted."""

SILENT_SECONDS = 600
"""A running task that published nothing for so long is not shown, and is deleted like one that has ended."""

_TASKS = "job_monitor_tasks"


def cache_key(user: str) -> str:
	"""Name of the hash with the states of a user's tasks, for `frappe.cache`."""
	return f"{_TASKS}|{user}"


def read(user: str) -> list[dict[str, Any]]:
	"""The states of a user's tasks that are kept, oldest first. One round trip."""
	return sorted(frappe.cache.hgetall(cache_key(user)).values(), key=lambda state: state["at"])


def publish(event: str, state: dict[str, Any], user: str, guard: never_raises | None = None) -> None:
	"""Keep a task's state, and send it to the user's room. Two round trips.

	Each is done even if the other fails. Guests have neither, as all of them share a room.

	Args:
		event: `task_progress`, `task_complete` or `task_failed`.
		state: With `task_id` and `state`.
		guard: Logs errors.
	"""
	if user == "Guest":
		return
	guard = guard or never_raises("a task's state is not shown")
	with guard:
		_keep(state, user)
	with guard:
		frappe.publish_realtime(event, state, user=user)


def _keep(state: dict[str, Any], user: str) -> None:
	name = cache_key(user)
	key = frappe.cache.make_key(name)
	pipeline = frappe.cache.pipeline()
	pipeline.hset(key, state["task_id"], pickle.dumps({**state, "at": now_datetime().isoformat()}))
	pipeline.expire(key, KEPT_SECONDS)
	pipeline.hlen(key)
	if pipeline.execute()[-1] > KEPT_TASKS:
		frappe.cache.execute_command("HDEL", key, *_less_needed(frappe.cache.hgetall(name)))


def _less_needed(states: dict[bytes, dict[str, Any]]) -> list[bytes]:
	"""Ids of half the tasks: first those that have ended or fell silent, the older the sooner."""
	silent = (now_datetime() - timedelta(seconds=SILENT_SECONDS)).isoformat()

	def need(task_id: bytes) -> tuple[bool, str]:
		state = states[task_id]
		return state["state"] == "running" and state["at"] > silent, state["at"]

	return sorted(states, key=need)[: len(states) // 2]
