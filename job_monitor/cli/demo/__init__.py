"""The demo: real RQ workers and jobs on a private Redis, shown by `job-monitor`.

`scripts/demo` runs it, as does `python -m job_monitor.cli.demo`. It touches no other Redis, and leaves no process and no
file behind.
"""
