"""Background job monitor for Frappe: workers, queues, jobs, schedules."""

__version__ = "0.1.0"
