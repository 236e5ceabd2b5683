"""Rows that an older release left."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import frappe
from frappe.custom.doctype.property_setter.property_setter import make_property_setter
from frappe.desk.form.load import getdoc

from job_monitor.alerts import engine, store
from job_monitor.api import alerts as api
from job_monitor.core import clock
from job_monitor.job_monitor.doctype.job_alert.test_outbox import NoticeTestCase
from job_monitor.job_monitor.doctype.job_alert_channel.test_job_alert_channel import channel
from job_monitor.patches import alert_field_names
from job_monitor.tests.support.servers import WebServer, running
from job_monitor.tests.support.users import make_user

RULE, ALERT = "Job Alert Rule", "Job Alert"


class TestOlderRelease(NoticeTestCase):
	def test_a_new_alert_is_not_sent_to_the_channels_left_of_an_old_notice_alone(self) -> None:
		"""An older release gave its notices no id, so they stood for all of their rule."""
		self.rule("Method Failures")
		with running(WebServer()) as first, self.web() as second:
			channel("A first", "Webhook", url=first.url(), allow_private_addresses=1)
			frappe.db.commit()
			self.see("old")
			(old,) = self.alerts()
			left = {"waiting": 1, "delivery": "", "tries": 1, "channels_left": json.dumps(["Hook"])}
			frappe.db.set_value("Job Alert Flip", {"parent": old.name}, left)
			frappe.db.commit()
			self.see("old", "new")
			self.assertEqual([subject_of(r) for r in first.received], ["old", "new"])
			self.assertEqual(sorted(subject_of(r) for r in second.received), ["new", "old", "old"])


class TestFieldNames(NoticeTestCase):
	"""The patch, from the names of commit 5c22e2a."""

	def setUp(self) -> None:
		super().setUp()
		self.addCleanup(alert_field_names.execute)

	def unpatch(self) -> None:
		frappe.db.commit()
		for doctype, renamed in alert_field_names.RENAMED.items():
			for old, new in renamed.items():
				frappe.db.sql_ddl(f"alter table `tab{doctype}` rename column `{new}` to `{old}`")

	def unmigrate(self) -> None:
		"""As between new code and migrate: the old columns, and Frappe's own rows that say so."""
		self.unpatch()
		self.addCleanup(self.migrate)
		patches = {"patch": "job_monitor.patches.alert_field_names"}
		self.patches = frappe.get_all("Patch Log", patches, ["*"])
		frappe.db.delete("Patch Log", patches)
		self.rename_docfields({new: old for old, new in alert_field_names.RENAMED[RULE].items()})

	def migrate(self) -> None:
		frappe.db.rollback()
		alert_field_names.execute()
		self.rename_docfields(alert_field_names.RENAMED[RULE])
		while self.patches:
			frappe.get_doc({"doctype": "Patch Log", **self.patches.pop()}).db_insert()
		frappe.db.commit()

	def rename_docfields(self, renamed: dict[str, str]) -> None:
		for old, new in renamed.items():
			frappe.db.set_value("DocField", {"parent": RULE, "fieldname": old}, "fieldname", new)
		frappe.db.commit()
		frappe.clear_cache(doctype=RULE)

	def make_records(self) -> None:
		"""What a site may say about the fields, by their old names."""
		self.documents = [
			make_property_setter(
				RULE, "remind_hours", "label", "Again", "Data", validate_fields_for_doctype=False
			),
			self.document(
				"List Filter", filter_name="x", reference_doctype=ALERT, filters='[["told_at",">","2020"]]'
			),
			self.document(
				"Report",
				report_name=f"Notices {frappe.generate_hash(length=6)}",
				ref_doctype=ALERT,
				report_type="Report Builder",
				is_standard="No",
				json=json.dumps(
					{
						"fields": [["told_at", ALERT]],
						"order_by": "`tabJob Alert`.`told_at` desc",
						"group_by": 1,
					}
				),
			),
		]
		self.addCleanup(self.delete_records)
		self.settings = f"{RULE}::{make_user('settings@example.com')}"
		frappe.cache.hset("_user_settings", self.settings, json.dumps({"List": {"sort_by": "remind_hours"}}))
		frappe.db.commit()

	def document(self, doctype: str, **values: Any) -> Any:
		return frappe.get_doc({"doctype": doctype, **values}).insert()

	def delete_records(self) -> None:
		for document in self.documents:
			frappe.delete_doc(document.doctype, document.name, force=True)
		frappe.db.commit()

	def test_columns_are_renamed_with_what_they_hold(self) -> None:
		rule = self.rule("Method Failures", pending_period=7, repeat_interval=3)
		frappe.db.set_value(RULE, rule.name, "enabled", 0)
		self.rule("Failure Rate")
		with self.web():
			self.see("a")
			(before,) = frappe.get_all(ALERT, fields=["*"])
			moments = json.loads(before.moments)
			moments["told_at"] = moments.pop("notified_at")
			frappe.db.set_value(ALERT, before.name, "moments", json.dumps(moments), update_modified=False)
			self.unpatch()
			alert_field_names.execute()
			alert_field_names.execute()
			(after,) = frappe.get_all(ALERT, fields=["*"])
			self.assertEqual(after, {**before, "moments": after.moments})
			self.assertEqual(store.moments(after), store.moments(before))
			rule.reload()
			self.assertEqual((rule.pending_period, rule.repeat_interval), (7, 3))
			self.assertEqual(engine.evaluate("test").notices, 0)

	def test_rows_of_a_release_that_had_no_moments_in_utc_keep_theirs(self) -> None:
		self.rule("Failure Rate")
		with self.web():
			self.see("a")
			frappe.db.set_value(ALERT, {"state": "Firing"}, "moments", None)
			self.unpatch()
			alert_field_names.execute()
			self.assertEqual(self.see("a").notices, 0)
			(row,) = frappe.get_all(ALERT, fields=["*"])
			age = clock.now() - store.moments(row)["notified_at"]
			self.assertLess(age.total_seconds(), 60)
			self.assertIsInstance(row.notified_at, datetime)

	def test_both_columns_where_somebody_reloaded_the_doctype_before_migrate(self) -> None:
		rule = self.rule("Failure Rate", repeat_interval=3)
		self.unpatch()
		frappe.db.sql_ddl(f"alter table `tab{RULE}` add column `repeat_interval` int not null default 0")
		alert_field_names.execute()
		self.assertEqual(frappe.db.get_value(RULE, rule.name, "repeat_interval"), 3)
		self.assertNotIn("remind_hours", alert_field_names._columns(RULE))

	def test_until_migrate_rules_are_shown_and_neither_changed_nor_looked_at(self) -> None:
		rule = self.rule("Failure Rate", repeat_interval=3)
		self.unmigrate()
		getdoc(RULE, rule.name)
		(shown,) = frappe.response.docs
		self.assertEqual(shown.get("remind_hours"), 3)
		acts = (
			frappe.get_doc(RULE, rule.name).save,
			frappe.get_doc({"doctype": RULE, "title": "x", "kind": "Queue Age", "threshold": 5}).insert,
			api.evaluate,
			lambda: api.try_rule(rule.name),
		)
		for act in acts:
			with self.assertRaisesRegex(frappe.ValidationError, "not migrated"):
				act()
		self.migrate()
		self.assertEqual(frappe.get_doc(RULE, rule.name).save().repeat_interval, 3)

	def test_what_a_site_says_about_the_fields_follows(self) -> None:
		self.make_records()
		self.unpatch()
		alert_field_names.execute()
		setter, saved, report = (document.reload() for document in self.documents)
		self.assertEqual((setter.field_name, setter.value), ("repeat_interval", "Again"))
		self.assertEqual(json.loads(saved.filters), [["notified_at", ">", "2020"]])
		self.assertEqual(
			json.loads(report.json),
			{
				"fields": [["notified_at", ALERT]],
				"order_by": "`tabJob Alert`.`notified_at` desc",
				"group_by": 1,
			},
		)
		kept = json.loads(frappe.cache.hget("_user_settings", self.settings))
		self.assertEqual(kept["List"]["sort_by"], "repeat_interval")


def subject_of(received: Any) -> str:
	return str(json.loads(received.body)["subject"])
