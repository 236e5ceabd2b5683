"""Frappe's module Job Monitor: DocTypes, reports, the page Log Files, fields added to Frappe's DocTypes."""
