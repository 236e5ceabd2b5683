"""Starts the demo: `python -m job_monitor.cli.start_demo`. Ctrl-C ends it silently even while modules are imported."""

from __future__ import annotations

import signal


def main() -> None:
	# Not Python's own answer, which prints where it was interrupted
	signal.signal(signal.SIGINT, signal.SIG_DFL)
	from job_monitor.cli import demo

	demo.run()


if __name__ == "__main__":
	main()
