"""Alerts and their channels, for managers."""

from typing import Any

import frappe
from frappe.rate_limiter import rate_limit

from job_monitor.notify import dispatch


@frappe.whitelist(methods=["POST"])
@rate_limit(limit=20, seconds=60)
def send_test(channel: str) -> dict[str, Any]:
	"""Send a message that says it is a test on one channel, whether or not it is enabled.

	Returns:
		`{"ok", "detail": where it went, "error": why it did not}`. The outcome is written down on the channel.
	"""
	frappe.has_permission(dispatch.CHANNEL, "write", channel, throw=True)
	delivery = dispatch.test(channel)
	return {"ok": delivery.ok, "detail": delivery.detail, "error": delivery.error}
