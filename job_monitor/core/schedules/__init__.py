"""Schedules judged: pure, but for `schedule_jobs`, which reads their jobs."""
