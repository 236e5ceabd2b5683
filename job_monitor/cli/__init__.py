"""The `job-monitor` command. Runs without Frappe."""
