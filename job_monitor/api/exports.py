"""Endpoints that override those of Frappe that export, so that no text of a job becomes a formula."""

from typing import Any

import frappe

from job_monitor.bridge.lists import exports


@frappe.whitelist()
def export_list() -> Any:
	"""Overrides `frappe.desk.reportview.export_query`."""
	return exports.run("frappe.desk.reportview.export_query", str(frappe.form_dict.get("doctype")))


@frappe.whitelist()
def export_report() -> Any:
	"""Overrides `frappe.desk.query_report.export_query`."""
	return exports.run(
		"frappe.desk.query_report.export_query", report=str(frappe.form_dict.get("report_name"))
	)


@frappe.whitelist()
def export_data() -> Any:
	"""Overrides `frappe.core.doctype.data_export.exporter.export_data`."""
	return exports.run(
		"frappe.core.doctype.data_export.exporter.export_data", str(frappe.form_dict.get("doctype"))
	)


@frappe.whitelist()
def download_template() -> Any:
	"""Overrides `frappe.core.doctype.data_import.data_import.download_template`."""
	endpoint = "frappe.core.doctype.data_import.data_import.download_template"
	return exports.run(endpoint, str(frappe.form_dict.get("doctype")))
