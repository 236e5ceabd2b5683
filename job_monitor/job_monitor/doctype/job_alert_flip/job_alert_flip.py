"""One change of an alert, or one thing somebody did about it; and who was told, and how that went."""

from __future__ import annotations

from frappe.model.document import Document

from job_monitor.bridge.markup import PlainText


class JobAlertFlip(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.
	# end: auto-generated types
	pass
