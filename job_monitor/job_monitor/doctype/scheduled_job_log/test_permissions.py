"""Rights of our roles on Frappe's DocTypes: a new one reaches a site that is installed, one that was taken stays away."""

from __future__ import annotations

from unittest.mock import patch

import frappe
from frappe.core.page.permission_manager import permission_manager

from job_monitor import install
from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.bridge.site import default_permissions, state
from job_monitor.bridge.site.default_permissions import GRANTS, OFFERED
from job_monitor.patches import offered_permissions
from job_monitor.tests.support.site_test_case import SiteTestCase

LOG = "Scheduled Job Log"
PRINTED = {**GRANTS, LOG: (*GRANTS[LOG], "print")}


class TestPermissions(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.addCleanup(frappe.clear_cache, doctype=LOG)
		self.addCleanup(frappe.db.rollback)
		default_permissions.grant()

	def rights(self, role: str = USER) -> set[str]:
		row = frappe.db.get_value("Custom DocPerm", {"parent": LOG, "role": role}, "*", as_dict=True)
		return {right for right in ("read", "report", "export", "print") if row and row[right]}

	def test_both_roles_have_what_the_table_says(self) -> None:
		for doctype, rights in GRANTS.items():
			for role in (USER, MANAGER):
				row = frappe.db.get_value(
					"Custom DocPerm", {"parent": doctype, "role": role}, "*", as_dict=True
				)
				self.assertTrue(all(row[right] for right in rights), (doctype, role))

	def test_a_right_of_a_new_release_reaches_a_site_at_migrate(self) -> None:
		self.assertNotIn("print", self.rights())
		with patch.object(default_permissions, "GRANTS", PRINTED):
			install.after_migrate()
		self.assertEqual(self.rights(), {"read", "report", "export", "print"})
		self.assertEqual(self.rights(MANAGER), {"read", "report", "export", "print"})

	def test_a_doctype_of_a_new_release_becomes_readable_at_migrate(self) -> None:
		role = {"parent": "Error Log", "role": USER}
		self.assertFalse(frappe.db.exists("Custom DocPerm", role))
		self.addCleanup(frappe.clear_cache, doctype="Error Log")
		with patch.object(default_permissions, "GRANTS", {**GRANTS, "Error Log": ("read",)}):
			install.after_migrate()
		self.assertEqual(frappe.db.get_value("Custom DocPerm", role, ["read", "export"]), (1, 0))

	def test_a_right_that_was_taken_stays_away(self) -> None:
		permission_manager.update(LOG, USER, 0, "export", "0")
		install.after_migrate()
		self.assertEqual(self.rights(), {"read", "report"})

	def test_a_role_that_may_no_longer_read_gets_no_other_right(self) -> None:
		permission_manager.remove(LOG, USER, 0)
		with patch.object(default_permissions, "GRANTS", PRINTED):
			install.after_migrate()
		self.assertEqual(self.rights(), set())
		self.assertIn("print", self.rights(MANAGER))

	def test_what_was_taken_before_rights_were_noted_stays_away(self) -> None:
		frappe.db.delete(state.STATE, {"name": OFFERED})
		permission_manager.update(LOG, USER, 0, "export", "0")
		offered_permissions.execute()
		install.after_migrate()
		self.assertEqual(self.rights(), {"read", "report"})
