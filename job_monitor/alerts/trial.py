"""Looks at one rule without writing anything down or telling anybody."""

from __future__ import annotations

from typing import Any

import frappe
from frappe.utils import now_datetime

from job_monitor.alerts import engine, incidents
from job_monitor.alerts.facts import Facts


def run(rule: str) -> dict[str, Any]:
	"""`{"seen": [{"subject", "title", "text", "value"}], "problem": why nothing can be said, "" if it can}`."""
	problems: dict[str, str] = {}
	one = incidents.rule(frappe.get_doc(incidents.RULE, rule))
	facts = Facts(now_datetime(), engine.last().get("at"))
	seen = engine.look([one], facts, problems)[one.name]
	names = ("subject", "title", "text", "value")
	return {
		"seen": [{name: getattr(sighting, name) for name in names} for sighting in seen or ()],
		"problem": "; ".join(f"{source}: {text}" for source, text in problems.items()),
	}
