"""Whether a site has the tables of the release that is installed: between new code and migrate it has those before."""

from __future__ import annotations

import shlex

import frappe

from job_monitor.core.wording import say

APP = "job_monitor"


def is_migrated() -> bool:
	"""Whether this release's last patch ran here. Installing notes all patches as done. One query."""
	last = frappe.get_file_items(frappe.get_app_path(APP, "patches.txt"))[-1]
	return bool(frappe.db.sql("select 1 from `tabPatch Log` where patch = %s limit 1", last))


NOT_MIGRATED = say("This site is not migrated to the installed release of Job Monitor.")


def how_to_migrate() -> str:
	"""What to do about a site that is not."""
	return say(
		"Run: {0}. Until then no alert rule is looked at, and runs that end wait on Redis.",
		f"bench --site {shlex.quote(frappe.local.site)} migrate",
	)
