"""The rules that come with the app: each is added to a site once, so that a deleted rule stays away."""

from __future__ import annotations

import json

import frappe

from job_monitor.alerts.store import RULE
from job_monitor.bridge.site import state
from job_monitor.core.alerts.kinds import DEFAULTS, KINDS

OFFERED = "default rules"


def add_rules() -> None:
	"""Add the rules that this site was not offered before."""
	offered = set(json.loads(state.get(OFFERED) or "[]"))
	for title, kind, values in DEFAULTS:
		if title not in offered and not frappe.db.exists(RULE, title):
			severity = KINDS[kind].severity.value.title()
			rule = {"doctype": RULE, "title": title, "kind": kind, "severity": severity, **values}
			frappe.get_doc(rule).insert(ignore_permissions=True)
	state.put(OFFERED, json.dumps(sorted(offered | {title for title, _kind, _values in DEFAULTS})))
