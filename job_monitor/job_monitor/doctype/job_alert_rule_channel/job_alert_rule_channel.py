"""A channel that a rule's notices go to."""

from __future__ import annotations

from frappe.model.document import Document


class JobAlertRuleChannel(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.
	# end: auto-generated types
	pass
