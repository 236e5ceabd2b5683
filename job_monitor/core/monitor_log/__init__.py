"""Frappe's `monitor.json.log`, summed up by method."""
