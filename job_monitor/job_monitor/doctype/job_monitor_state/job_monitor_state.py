"""Job Monitor State: small state of the app, by key. Read and written by `bridge.site.state` only."""

from __future__ import annotations

from frappe.model.document import Document


class JobMonitorState(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		expires_at: DF.Datetime | None
		owned_by: DF.Data | None
		value: DF.LongText | None
	# end: auto-generated types
