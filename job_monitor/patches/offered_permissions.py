"""Notes the rights that were granted when this site was set up, so that migrate does not grant again what was taken since.

Before, rights were granted at install only, and nothing was noted. A site that installs this release skips the patch.
"""

from __future__ import annotations

from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.bridge.site import default_permissions, state

DOCTYPES = ("RQ Worker", "RQ Job", "Scheduled Job Log", "Scheduled Job Type")
RIGHTS = ("read", "report", "export")
"""As of the releases before: does not follow `default_permissions.GRANTS`."""


def execute() -> None:
	"""Can run again: what is noted stays."""
	if state.get(default_permissions.OFFERED) is None:
		roles = (USER, MANAGER)
		default_permissions.note_offered({(d, r, right) for d in DOCTYPES for r in roles for right in RIGHTS})
