"""What Frappe's databases need: locks, savepoints, rows of Frappe's own tables."""
