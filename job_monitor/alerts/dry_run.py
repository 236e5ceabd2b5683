"""Evaluates one rule without writing anything down or sending a notice."""

from __future__ import annotations

from typing import Any

import frappe

from job_monitor.alerts import engine, store
from job_monitor.alerts.sources import Sources
from job_monitor.core import clock


def run(name: str) -> dict[str, Any]:
	"""What a rule sees now: `{"seen": [{"subject", "title", "text", "value"}], "problem": why it has no answer, or ""}`."""
	rule = store.rule(frappe.get_doc(store.RULE, name))
	sources = Sources(clock.now(), engine.last().get("at"), engine.windows([rule]))
	seen = engine.look([rule], sources)[rule.name]
	fields = ("subject", "title", "text", "value")
	return {
		"seen": [{field: getattr(sighting, field) for field in fields} for sighting in seen or ()],
		"problem": "; ".join(f"{source}: {text}" for source, text in sources.problems.items()),
	}
