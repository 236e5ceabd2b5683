"""Script reports: each asks `bridge.reports`."""
