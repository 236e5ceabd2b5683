"""Schedules of this site and its scheduler."""
