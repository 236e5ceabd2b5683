"""Starts the demo. Ctrl-C ends it silently even while modules are imported."""

from __future__ import annotations

import signal
import sys

USAGE = """scripts/demo takes no arguments.

Starts a private Redis, real RQ workers and jobs, and shows them: on a terminal as `job-monitor top`, until q is pressed;
elsewhere printed once. Nothing of it is left afterwards."""


def main() -> None:
	# Python's own handler would print a traceback
	signal.signal(signal.SIGINT, signal.SIG_DFL)
	if sys.argv[1:]:
		print(USAGE)
		sys.exit(0 if sys.argv[1] in ("-h", "--help") else 2)
	if sys.stdout is None:
		sys.exit("Error: standard output is closed")
	from job_monitor.cli.demo.run import run

	run()


if __name__ == "__main__":
	main()
