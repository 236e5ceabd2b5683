"""Endpoints of Frappe that hooks.py lets ours stand before (`override_whitelisted_methods`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe


def beneath(endpoint: str) -> Callable[..., Any]:
	"""What would answer without this app: the last other app that stands before the endpoint, else Frappe itself."""
	standing = frappe.get_hooks("override_whitelisted_methods").get(endpoint, [])
	others = [method for method in standing if not method.startswith("job_monitor.")]
	answering: Callable[..., Any] = frappe.get_attr(others[-1] if others else endpoint)
	return answering
