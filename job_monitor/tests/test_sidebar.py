"""The sidebar of our module on Frappe 16: what it names, to whom, and that nothing of it is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import skipUnless

import frappe

from job_monitor.bridge.permissions import MANAGER, USER
from job_monitor.install import _drop_sidebars
from job_monitor.tests.support.site_test_case import SiteTestCase
from job_monitor.tests.support.users import make_user

FILE = Path(frappe.get_app_path("job_monitor", "workspace_sidebar", "job_monitor.json"))
NOT_FOR_PEOPLE = {"Job Monitor State"}
OF_MANAGERS = {
	"Job Failure Group",
	"Job Failure",
	"Job Alert Channel",
	"job-monitor-logs",
	"Job Monitor Audit",
	"Job Monitor Settings",
}

on_16 = skipUnless(frappe.__version__ >= "16", "Frappe 15 has no such sidebars")


class TestSidebar(SiteTestCase):
	def setUp(self) -> None:
		super().setUp()
		self.items = json.loads(FILE.read_text())["items"]
		self.names = {item["link_to"] for item in self.items if item["type"] == "Link"}

	def test_it_names_whatever_our_module_has_for_people(self) -> None:
		ours = {"module": "Job Monitor"}
		doctypes = frappe.get_all("DocType", {**ours, "istable": 0}, pluck="name")
		have = {
			*doctypes,
			*frappe.get_all("Report", ours, pluck="name"),
			*frappe.get_all("Page", ours, pluck="name"),
		}
		self.assertEqual(have - self.names, NOT_FOR_PEOPLE)
		for item in self.items:
			if item["type"] == "Link":
				self.assertTrue(frappe.db.exists(item["link_type"], item["link_to"]), item["link_to"])

	@on_16
	def test_a_user_finds_what_a_user_may_read_and_no_empty_section(self) -> None:
		self.assertEqual(_links(make_user("jm-sb-u@ops.example", USER)), self.names - OF_MANAGERS)
		self.assertEqual(_links(make_user("jm-sb-m@ops.example", MANAGER)), self.names)
		full = {section for section, name in _by_section(self.items) if name in self.names - OF_MANAGERS}
		self.assertEqual(full, {item["label"] for item in self.items if item["type"] == "Section Break"})

	@on_16
	def test_uninstalling_takes_it_and_the_copies_of_users_and_leaves_the_file(self) -> None:
		copy = frappe.copy_doc(frappe.get_doc("Workspace Sidebar", "Job Monitor"))
		copy.update({"title": "Job Monitor-someone@ops.example", "for_user": "Administrator"})
		copy.insert()
		_drop_sidebars()
		self.assertFalse(frappe.get_all("Workspace Sidebar", {"app": "job_monitor"}))
		self.assertFalse(frappe.get_all("Workspace Sidebar Item", {"link_to": "Job Failure"}))
		self.assertTrue(FILE.exists())
		frappe.db.rollback()
		self.assertTrue(frappe.db.exists("Workspace Sidebar", "Job Monitor"))


def _by_section(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
	"""Section and link of each item that stands in one."""
	found, section = [], ""
	for item in items:
		section = item["label"] if item["type"] == "Section Break" else section
		found += [(section, item["link_to"])] if item["child"] else []
	return found


def _links(user: str) -> set[str]:
	"""As Desk has them when the user logs in."""
	from frappe.boot import get_bootinfo

	frappe.set_user(user)
	try:
		items = get_bootinfo().workspace_sidebar_item["job monitor"]["items"]
	finally:
		frappe.set_user("Administrator")
	return {item["link_to"] for item in items if item["type"] == "Link"}
