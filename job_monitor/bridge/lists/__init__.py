"""Requests of Frappe's lists, read and answered for virtual DocTypes; exports, Group By and link search."""
