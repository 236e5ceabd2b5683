"""Databases: locks of rows, broken transactions, writes to Frappe's own tables."""
