"""Controllers of DocTypes; those of Frappe's own extend Frappe's."""
