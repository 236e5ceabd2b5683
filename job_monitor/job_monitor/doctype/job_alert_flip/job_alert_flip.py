"""One change of an alert, or one act of a user on it; with the notice, its recipients and its outcome."""

from __future__ import annotations

from frappe.model.document import Document

from job_monitor.bridge.markup import PlainText


class JobAlertFlip(PlainText, Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.
	# end: auto-generated types
	pass
