"""Background job monitor for Frappe: workers, queues, jobs, schedules."""

from job_monitor.background_jobs_patch import install as _install

__version__ = "0.1.0"

_install()  # a plain script runs no hook of Frappe; the names come when it imports Frappe's modules
