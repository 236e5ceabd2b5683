"""Paths in the hooks of the release before, which Frappe keeps in Redis until migrate. For one release."""

from job_monitor.background_jobs_patch import before_request as before_request
from job_monitor.background_jobs_patch import install as install
