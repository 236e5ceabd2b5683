"""What people decide about failures of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import frappe
from frappe import _

from job_monitor.bridge import audit, permissions
from job_monitor.bridge.database import row_locks
from job_monitor.bridge.markup import as_html

GROUP = "Job Failure Group"
ACTIONS = {"Resolved": "resolve", "Ignored": "ignore", "Open": "reopen"}
"""What leads to a state."""

AT_ONCE = 500
"""Groups in one request: the longest page of a list."""


def set_state(names: Sequence[str], state: str) -> dict[str, Any]:
	"""Resolve, ignore or reopen groups, and write down who did. Managers only.

	Returns:
		`{"done": number changed, "skipped": number that were in that state, or are gone, "message"}`.

	Raises:
		frappe.PermissionError, frappe.ValidationError
	"""
	if state not in ACTIONS:
		frappe.throw(_("{0} is no state of a failure.").format(as_html(state, 40)))
	if len(names) > AT_ONCE:
		frappe.throw(_("At most {0} at once.").format(AT_ONCE))
	wanted = sorted(set(map(str, names)))
	with audit.denials(ACTIONS[state], GROUP, ", ".join(wanted)):
		permissions.only_managers()
		done = row_locks.in_turn(lambda: sum(_change(name, state) for name in wanted))
	skipped = len(wanted) - done
	message = _("{0}: {1}").format(_(state), done)
	if skipped:
		message += " · " + _("{0} already were, or are gone").format(skipped)
	return {"done": done, "skipped": skipped, "message": message}


def _change(name: str, state: str) -> bool:
	"""Locks the row first: the recorder may be counting."""
	row = row_locks.read(GROUP, name, ["state"])
	before = row and row.state
	if before is None or before == state:
		return False
	group = frappe.get_doc(GROUP, name)
	group.check_permission("write")
	group.flags.job_monitor_state = state
	group.save()
	audit.note(ACTIONS[state], GROUP, name, f"{before} -> {state}", method=group.method or "")
	return True
