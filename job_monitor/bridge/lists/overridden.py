"""Endpoints of Frappe that this app overrides in hooks.py (`override_whitelisted_methods`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import frappe


def overridden(endpoint: str) -> Callable[..., Any]:
	"""The function that answers an endpoint without this app: the last other app's override, else Frappe's own."""
	overrides = frappe.get_hooks("override_whitelisted_methods").get(endpoint, [])
	others = [method for method in overrides if not method.startswith("job_monitor.")]
	function: Callable[..., Any] = frappe.get_attr(others[-1] if others else endpoint)
	return function
