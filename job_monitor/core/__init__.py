"""Reads RQ on Redis. Knows nothing of Frappe: imports the standard library, redis and rq only."""
