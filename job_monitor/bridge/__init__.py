"""The only translator between core and Frappe."""
