"""What people do about an alert: acknowledge it, mute it. Each act is a row among the alert's flips."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime
from frappe.utils.scheduler import get_scheduler_tick

from job_monitor.alerts import engine, outbox, store
from job_monitor.alerts.store import ALERT, OPEN
from job_monitor.bridge import audit, permissions
from job_monitor.bridge.database import row_locks
from job_monitor.bridge.site import live_site
from job_monitor.bridge.timezones import to_site
from job_monitor.core.alerts.incidents import State
from job_monitor.notify.wording import spoken


def acknowledge(alert: str) -> None:
	"""Take an alert over: it sends no more reminders, but still a notice when it is resolved.

	Raises:
		frappe.PermissionError: The user is no manager.
		frappe.ValidationError: The alert is resolved.
	"""
	user = frappe.session.user
	_note(
		"acknowledge", alert, _("Acknowledged"), {"acknowledged_by": user, "acknowledged_at": now_datetime()}
	)


def mute(alert: str, until: str) -> None:
	"""Send no notice of an alert before `until`, not even that it is resolved. "" unmutes.

	Args:
		until: In the site's time zone.
	"""
	moment = _moment(until) if until else None
	words = _("Muted until {0}").format(moment) if moment else _("Unmuted")
	_note("mute", alert, words, {"muted_until": moment})


def _moment(text: str) -> datetime:
	try:
		moment = get_datetime(text)
	except ValueError:
		moment = None
	if moment is None or moment.tzinfo or moment <= now_datetime():
		frappe.throw(_("Until when? A moment to come is needed, in this site's time zone."))
	return moment


def _note(action: str, alert: str, what: str, values: dict[str, Any]) -> None:
	with audit.denials(action, ALERT, alert):
		permissions.only_managers()
	row = row_locks.in_turn(lambda: row_locks.read(ALERT, alert, ["state"]))
	if row is None:
		raise frappe.DoesNotExistError(_("This alert is gone: it passed before anybody was told."))
	if row.state not in OPEN:
		frappe.throw(_("This alert is over."))
	frappe.db.set_value(ALERT, alert, values)
	audit.note(action, ALERT, alert, what)
	store.add_flip(alert, now_datetime(), what, frappe.session.user)


def status() -> dict[str, Any]:
	"""How the alerts are: `{"firing": {"Critical": n, "Warning": n}, "at", "by", "rules", "problems", "seconds": of
	the last look, "late": whether it is too long ago, "unconfirmed": see `bridge.site.live_site`}`; without "at" to "seconds" if there was
	none. In the site's time zone."""
	firing = frappe.get_all(ALERT, {"state": State.FIRING.value}, pluck="severity")
	last = engine.last()
	late = engine.is_late(last.get("at"))
	shown = {name: value for name, value in last.items() if name != "number"}
	if "at" in last:
		shown["at"] = to_site(last["at"])
	shown["unconfirmed"] = live_site.unconfirmed()
	return {"firing": {s: firing.count(s) for s in ("Critical", "Warning")}, "late": late, **shown}


def confirm_live_site() -> None:
	"""Confirm that this is the live site, not a copy: from now on notices are sent, and alerts that fire are sent as new.

	Raises:
		frappe.PermissionError: The user is no manager.
	"""
	live_site.confirm()
	outbox.drop_waiting()


def too_short(window_minutes: int, pending_period: int) -> str:
	"""Says that a rule's times are shorter than the pauses between two evaluations; "" if they are not."""
	tick = get_scheduler_tick()
	if engine.last().get("by") == "watch":
		return ""
	short = [minutes for minutes in (window_minutes, pending_period) if 0 < minutes * 60 < tick]
	if not short:
		return ""
	return _(
		"{0} is shorter than the {1} between two looks of the scheduler: it needs {2}, which looks every minute."
	).format(spoken(min(short) * 60, _), spoken(tick, _), "bench job-monitor watch")
