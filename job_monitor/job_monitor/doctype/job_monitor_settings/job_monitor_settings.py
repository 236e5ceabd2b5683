"""Settings of the job monitor on this site."""

from __future__ import annotations

from frappe.model.document import Document


class JobMonitorSettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		log_every_run: DF.Check
	# end: auto-generated types
