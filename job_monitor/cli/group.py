"""Errors of the `job-monitor` commands: one line on stderr, and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from job_monitor.cli import terminal_text
from job_monitor.core.errors import ConfigError, CouldNotAsk, InvalidQuery, JobMonitorError

EXIT_FOUND = 1
"""Something is wrong: findings, or no such job."""

EXIT_NO_ANSWER = 2
"""Redis could not be asked, the answer could not be written, or the command was used wrongly (click's own code)."""


class Group(click.Group):
	"""A group of commands whose errors are a line on stderr and an exit code."""

	def invoke(self, ctx: click.Context) -> Any:
		try:
			return super().invoke(ctx)
		except JobMonitorError as error:
			_print_error(str(error))
			unknown = isinstance(error, (CouldNotAsk, ConfigError, InvalidQuery))
			ctx.exit(EXIT_NO_ANSWER if unknown else EXIT_FOUND)

	def main(self, *args: Any, **kwargs: Any) -> Any:
		if not kwargs.get("standalone_mode", True):
			return super().main(*args, **kwargs)
		if (
			sys.stdout is None
		):  # the caller closed it, and the first file that is opened would take its number
			_print_error("standard output is closed")
			sys.exit(EXIT_NO_ANSWER)
		try:
			return super().main(*args, **kwargs)
		except OSError as error:  # click ends quietly by itself where a reader went away
			_print_error(f"{error.filename or 'the output cannot be written'}: {error.strerror or error}")
			# Python writes what is left in the buffer when it ends, which would fail once more
			os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
			sys.exit(EXIT_NO_ANSWER)


def _print_error(text: str) -> None:
	click.echo(f"job-monitor: {terminal_text.line(text)}", err=True)
