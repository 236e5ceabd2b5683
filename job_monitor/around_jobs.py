"""Paths in the hooks of the release before, which Frappe keeps in Redis until migrate. For one release."""

from job_monitor.job_hooks import after as after
from job_monitor.job_hooks import before as before
