"""Whether this is the site that was set up, or one that was restored or copied elsewhere.

A copy has the rules, channels and alerts of the live site, and would notify its people of itself. So the first place in
which rules were evaluated is kept, and in any other place nobody is notified until a manager confirms that it is live.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import frappe
from frappe.utils import get_bench_id, get_bench_path

from job_monitor.bridge import audit, permissions
from job_monitor.bridge.site import state

STATE = "live site"

Whereabouts = dict[str, str]
"""Site, database, bench (its id and path) and host, as people are shown them."""


def here() -> Whereabouts:
	"""The place in which this process runs."""
	return {
		"site": frappe.local.site,
		"database": str(frappe.conf.db_name or ""),
		"bench": f"{get_bench_id()} {get_bench_path()}",
		"host": _host(),
	}


def _host() -> str:
	"""Name of this host; "" in a container, whose name changes with each start."""
	in_container = (
		os.path.exists("/.dockerenv")
		or os.path.exists("/run/.containerenv")
		or "KUBERNETES_SERVICE_HOST" in os.environ
	)
	return "" if in_container else socket.gethostname()


def may_notify() -> bool:
	"""Whether people may be notified from here. The first place that calls this is the live one. The caller commits."""
	kept, place = _kept(), here()
	if not kept["live"]:
		_keep(kept | {"live": [place]})
		return True
	if place in kept["live"]:
		return True
	if kept["unconfirmed"] != place:
		_keep(kept | {"unconfirmed": place})
	return False


def is_confirmed() -> bool:
	"""Whether people may be notified from here, without keeping this place. See `may_notify`."""
	live = _kept()["live"]
	return not live or here() in live


def unconfirmed() -> dict[str, str] | None:
	"""`{"here": place in which rules are evaluated and nobody is notified, "live": place that is known}`, in words; or None."""
	kept = _kept()
	found = kept["unconfirmed"]
	return {"here": _words(found), "live": _words(kept["live"][-1])} if found else None


def confirm() -> None:
	"""Confirm that this place is the live site, as is the other one in which rules were evaluated. Managers only, audited.

	Raises:
		frappe.PermissionError
	"""
	with audit.denials("confirm_live_site", "Site", frappe.local.site):
		permissions.only_managers()
	kept, place = _kept(), here()
	live = kept["live"]
	for found in (kept["unconfirmed"], place):
		if found and found not in live:
			live.append(found)
	_keep({"live": live, "unconfirmed": None})
	audit.note("confirm_live_site", "Site", frappe.local.site, _words(place))


def _kept() -> dict[str, Any]:
	try:
		kept = json.loads(state.get(STATE) or "{}")
	except ValueError:
		kept = {}
	return {"live": kept.get("live") or [], "unconfirmed": kept.get("unconfirmed")}


def _keep(kept: dict[str, Any]) -> None:
	state.put(STATE, json.dumps(kept))


def _words(place: Whereabouts) -> str:
	return ", ".join(f"{name} {value}" for name, value in place.items() if value)
