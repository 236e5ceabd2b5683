"""Looks at one rule without writing anything down or telling anybody."""

from __future__ import annotations

from typing import Any

import frappe

from job_monitor.alerts import engine, store
from job_monitor.alerts.sources import Facts
from job_monitor.core import clock


def run(rule: str) -> dict[str, Any]:
	"""`{"seen": [{"subject", "title", "text", "value"}], "problem": why nothing can be said, "" if it can}`."""
	one = store.rule(frappe.get_doc(store.RULE, rule))
	facts = Facts(clock.now(), engine.last().get("at"), engine.windows([one]))
	seen = engine.look([one], facts)[one.name]
	names = ("subject", "title", "text", "value")
	return {
		"seen": [{name: getattr(sighting, name) for name in names} for sighting in seen or ()],
		"problem": "; ".join(f"{source}: {text}" for source, text in facts.problems.items()),
	}
