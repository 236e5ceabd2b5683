"""Paths that hooks of an older release name: Frappe keeps hooks in Redis until migrate. For one release."""

from job_monitor.job_hooks import after as after
from job_monitor.job_hooks import before as before
