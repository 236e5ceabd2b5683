"""Alerts and their channels, for managers."""

from dataclasses import asdict
from functools import partial
from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.alerts import actions, dry_run, engine
from job_monitor.bridge import audit
from job_monitor.bridge.site import release
from job_monitor.bridge.timezones import to_site
from job_monitor.core.alerts.kinds import KINDS
from job_monitor.notify import dispatch


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=20, seconds=60)
def send_test(channel: str) -> dict[str, Any]:
	"""Send a message that says it is a test on one channel, whether or not it is enabled.

	Returns:
		`{"ok", "detail": where it went, "error": why it did not}`. The outcome is written down on the channel.
	"""
	permit = partial(frappe.has_permission, dispatch.CHANNEL, "write", channel, throw=True)
	with audit.act("send test", dispatch.CHANNEL, channel, permit) as entry:
		delivery = dispatch.test(channel)
		entry.end(delivery.detail if delivery.ok else delivery.error, delivery.ok)
	return {"ok": delivery.ok, "detail": delivery.detail, "error": delivery.error}


@frappe.whitelist()
@rate_limit(limit=600, seconds=60)
def get_status() -> dict[str, Any]:
	"""How many alerts fire, and when the rules were last evaluated. See `alerts.actions.status`.

	frappe.call("job_monitor.api.alerts.get_status").then((r) => console.log(r.message.firing));
	"""
	frappe.has_permission("Job Alert", "read", throw=True)
	return actions.status()


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def acknowledge(alert: str) -> None:
	"""Acknowledge an alert: no more reminders. Managers only."""
	actions.acknowledge(alert)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def mute(alert: str, until: str = "") -> None:
	"""Mute an alert until then, in the site's time zone; without a moment it is unmuted. Managers only."""
	actions.mute(alert, until)


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=20, seconds=60)
def evaluate() -> dict[str, Any]:
	"""Evaluate all rules now, and send notifications. Managers only. See `alerts.engine.Evaluation`."""
	with audit.act("evaluate", "Job Alert Rule", ""):
		release.require_migrated()
		evaluation = engine.evaluate(frappe.session.user)
	return vars(evaluation) | {"at": to_site(evaluation.at)}


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=120, seconds=60)
def confirm_live_site() -> None:
	"""Confirm that this site, restored or copied, is the live one: people are notified again. Managers only."""
	actions.confirm_live_site()


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=60, seconds=60)
def try_rule(rule: str) -> dict[str, Any]:
	"""What a rule sees now: `{"seen": [{"subject", "title", "text", "value"}], "problem"}`. Nobody is notified."""
	frappe.has_permission("Job Alert Rule", "write", rule, throw=True)
	release.require_migrated()
	return dry_run.run(rule)


@frappe.whitelist()
def get_kinds() -> dict[str, Any]:
	"""Kinds of rules by name, with the fields of `core.alerts.kinds.Kind`."""
	frappe.has_permission("Job Alert Rule", "read", throw=True)
	return {name: asdict(kind) for name, kind in KINDS.items()}
