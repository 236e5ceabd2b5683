"""Whether this is the site that was set up, or one that was restored or copied elsewhere.

A copy has the rules, the channels and the alerts of the live site, and would tell its people of itself. So where the
app first looked is noted, and at any other place nobody is told until a manager says that this is the live site.
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
"""site, database, bench (its id and path) and host; as it is shown to people."""


def here() -> Whereabouts:
	return {
		"site": frappe.local.site,
		"database": str(frappe.conf.db_name or ""),
		"bench": f"{get_bench_id()} {get_bench_path()}",
		"host": _host(),
	}


def _host() -> str:
	"""Its name; "" in a container, whose name is another at each start."""
	in_container = (
		os.path.exists("/.dockerenv")
		or os.path.exists("/run/.containerenv")
		or "KUBERNETES_SERVICE_HOST" in os.environ
	)
	return "" if in_container else socket.gethostname()


def look() -> bool:
	"""Whether people may be told of what is seen here. The first place that asks is the live one. The caller commits."""
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
	"""As `look`, without noting anything."""
	live = _kept()["live"]
	return not live or here() in live


def unconfirmed() -> dict[str, str] | None:
	"""`{"here": where rules were looked at and nobody was told, "live": the place that is known}`, in words; or None."""
	kept = _kept()
	found = kept["unconfirmed"]
	return {"here": _words(found), "live": _words(kept["live"][-1])} if found else None


def confirm() -> None:
	"""This is the live site: here, and wherever else the rules were looked at. Managers only, audited.

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
