"""What alerts look for, and on which channels they are sent. Kinds and their numbers: `core.alerts.kinds`."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint

from job_monitor.alerts import actions
from job_monitor.bridge.site import release
from job_monitor.core.alerts.kinds import KINDS, METHOD, QUEUE, SCHEDULE
from job_monitor.core.limits import PATTERN_CHARS

_NUMBERS = ("threshold", "minimum", "window_minutes", "pending_period", "repeat_interval")
_LIMITS = {"window_minutes": 1440, "pending_period": 1440, "repeat_interval": 24 * 30}


class JobAlertRule(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from job_monitor.job_monitor.doctype.job_alert_rule_channel.job_alert_rule_channel import (
			JobAlertRuleChannel,
		)

		channels: DF.TableMultiSelect[JobAlertRuleChannel]
		enabled: DF.Check
		kind: DF.Literal[None]
		minimum: DF.Int
		muted_until: DF.Datetime | None
		queue: DF.Data | None
		repeat_interval: DF.Int
		severity: DF.Literal["Warning", "Critical"]
		subject: DF.Data | None
		pending_period: DF.Int
		threshold: DF.Float
		title: DF.Data
		window_minutes: DF.Int
	# end: auto-generated types

	def before_insert(self) -> None:
		"""A number that the document leaves out is the kind's own."""
		if kind := KINDS.get(self.kind):
			for field in _NUMBERS:
				if self.get(field) in (None, ""):
					self.set(field, getattr(kind, field) or 0)

	def onload(self) -> None:
		"""The form shows a hint while the rule's times are shorter than the scheduler's pauses."""
		# A site that is not migrated yet has no such field
		pending_period = cint(self.get("pending_period"))
		self.set_onload("too_short", actions.too_short(self.window_minutes, pending_period))

	def on_update(self) -> None:
		if text := actions.too_short(self.window_minutes, 0):
			frappe.msgprint(text, alert=True, indicator="orange")

	def validate(self) -> None:
		release.require_migrated()
		kind = KINDS.get(self.kind)
		if kind is None:
			frappe.throw(_("{0} is not a kind of rule.").format(self.kind))
		if kind.threshold is not None and self.threshold <= 0:
			frappe.throw(_("The threshold must be above 0."))
		if kind.unit == "%" and self.threshold > 100:
			frappe.throw(_("The threshold is a percentage: at most 100."))
		if kind.window_minutes and not self.window_minutes:
			frappe.throw(_("The window must be above 0."))
		for field, limit in _LIMITS.items():
			if self.get(field) > limit:
				frappe.throw(_("{0}: at most {1}.").format(_(self.meta.get_label(field)), limit))
		for field, scopes in (("queue", {QUEUE}), ("subject", {METHOD, SCHEDULE})):
			text = (self.get(field) or "").strip()
			if len(text) > PATTERN_CHARS:
				frappe.throw(_("A pattern is too long."))
			self.set(field, text if scopes & set(kind.scope) else "")
