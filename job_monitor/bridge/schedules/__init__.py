"""Schedules of this site."""
