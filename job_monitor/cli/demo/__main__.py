"""Starts the demo. Ctrl-C ends it silently even while modules are imported."""

from __future__ import annotations

import signal


def main() -> None:
	# Python's own handler would print a traceback
	signal.signal(signal.SIGINT, signal.SIG_DFL)
	from job_monitor.cli.demo.run import run

	run()


if __name__ == "__main__":
	main()
