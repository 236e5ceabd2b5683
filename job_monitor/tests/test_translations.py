"""What people read is in their language, on this release of Frappe, and Frappe's own words stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from babel.messages.pofile import read_po
from frappe.gettext.translate import get_po_path
from frappe.translate import get_translations_from_apps

from job_monitor.bridge.wording import language_of_site, translated
from job_monitor.core.wording import say
from job_monitor.tests.support.site_test_case import SiteTestCase

LANGUAGES = ("ar", "de", "es", "fr", "pt_BR")
OURS = {
	*(("ar", word) for word in ("Slack", "Timed Out", "{0} d", "{0} h")),
	*((code, "Blocked") for code in ("de", "es")),
	("es", "OK"),
	("pt_BR", "Desk"),
	("pt_BR", "Host"),
	("pt_BR", "Slack"),
}
"""Where a Frappe's word is wrong, or only one release's: "laziness" for the service, minutes for days."""


@contextmanager
def language(code: str) -> Iterator[None]:
	before, frappe.local.lang = frappe.local.lang, code
	try:
		yield
	finally:
		frappe.local.lang = before


class TestTranslations(SiteTestCase):
	def catalog(self, code: str) -> list[object]:
		with open(get_po_path("job_monitor", code), "rb") as file:
			return [message for message in read_po(file) if message.id]

	def test_each_language_is_compiled_and_read(self) -> None:
		"""bench build does it; a bench that was not built since shows English."""
		for code in LANGUAGES:
			known = get_translations_from_apps(code, ["job_monitor"])
			self.assertIn("Redis could not be asked", known, f"run bench build --app job_monitor: {code}")

	def test_no_word_of_frappes_changes(self) -> None:
		for code in LANGUAGES:
			frappes = get_translations_from_apps(code, ["frappe"])
			changed = [
				(message.id, frappes[message.id], message.string)
				for message in self.catalog(code)
				if message.string and not message.context and (code, message.id) not in OURS
				if frappes.get(message.id, message.string) != message.string
			]
			self.assertEqual(changed, [], code)

	def test_frappe_has_each_word_that_is_left_to_it(self) -> None:
		for code in LANGUAGES:
			frappes = get_translations_from_apps(code, ["frappe"])
			missing = [m.id for m in self.catalog(code) if not m.string and m.id not in frappes]
			self.assertEqual(missing, [], code)

	def test_what_core_says_is_translated_with_its_values(self) -> None:
		with language("de"):
			text = say("{0} {1}", say("Overdue by {0}. {1}", say("{0} min", 5), "x"), say("all queues"))
			self.assertEqual(translated(text), "Überfällig: 5 Min. x alle Warteschlangen")
			self.assertEqual(translated("all queues"), "all queues")

	def test_a_translation_with_other_placeholders_leaves_the_text_in_english(self) -> None:
		values = {"doctype": "Translation", "language": "de", "source_text": "Start one: {0}"}
		doc = frappe.get_doc({**values, "translated_text": "Starte {1}"}).insert()
		try:
			with language("de"):
				self.assertEqual(translated(say("Start one: {0}", "bench worker")), "Start one: bench worker")
		finally:
			doc.delete()

	def test_alerts_are_in_the_sites_language(self) -> None:
		before = frappe.db.get_single_value("System Settings", "language")
		frappe.db.set_single_value("System Settings", "language", "de")
		try:
			with language("fr"), language_of_site():
				self.assertEqual(frappe.local.lang, "de")
				self.assertEqual(frappe._("Stalled Queue"), "Stillstehende Warteschlange")
		finally:
			frappe.db.set_single_value("System Settings", "language", before)
