"""Release of a site: whether its tables are those of the installed code. Until migrate they are those of the code before."""

from __future__ import annotations

import shlex

import frappe

from job_monitor.bridge.wording import translated
from job_monitor.core.wording import say

APP = "job_monitor"


def is_migrated() -> bool:
	"""Whether all patches of this release ran here; installing marks them as run. One query."""
	lines = frappe.get_file_items(frappe.get_app_path(APP, "patches.txt"))
	patches = {line for line in lines if not line.startswith("[")}
	query = "select count(distinct patch) from `tabPatch Log` where skipped = 0 and patch in %(patches)s"
	noted: int = frappe.db.sql(query, {"patches": tuple(patches)})[0][0]
	return noted == len(patches)


NOT_MIGRATED = say("This site is not migrated to the installed release of Job Monitor.")


def how_to_migrate() -> str:
	"""What to do about a site that is not migrated."""
	return say(
		"Run: {0}. Until then no alert rule is looked at, and runs that end wait on Redis.",
		f"bench --site {shlex.quote(frappe.local.site)} migrate",
	)


def require_migrated() -> None:
	"""Refuses what needs the tables of the installed release.

	Raises:
		frappe.ValidationError: The site is not migrated.
	"""
	if not is_migrated():
		frappe.throw(" ".join(map(translated, (NOT_MIGRATED, how_to_migrate()))))
