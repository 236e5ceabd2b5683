"""Shared by the commands: the Redis or bench that they read, the types of their options, printing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from job_monitor.cli import display
from job_monitor.core import clock, limits
from job_monitor.core.errors import NoBench
from job_monitor.core.redaction.redactor import Redactor
from job_monitor.core.rq import connection
from job_monitor.core.rq.client import RqClient

_AGE = re.compile(r"(\d{1,6})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Source:
	"""The Redis, or the bench, that the options of the command line name."""

	redis_url: str | None
	bench_path: Path | None
	all_benches: bool
	redacted: tuple[str, ...]

	def open(self) -> RqClient:
		"""A client of that Redis; nothing is sent yet.

		Raises:
			NoBench: No Redis is named and this is no bench.
		"""
		redactor = Redactor(self.redacted)
		if self.redis_url:
			return RqClient(connection.connect_url(self.redis_url), None, redactor)
		bench = self.bench("or name a Redis: --redis redis://localhost:11000")
		bench_id = None if self.all_benches else bench.id
		return RqClient(connection.connect_bench(bench), bench_id, redactor, bench.queues)

	def bench(self, otherwise: str = "") -> connection.Bench:
		"""
		Raises:
			NoBench: This is no bench.
		"""
		bench = connection.find_bench((self.bench_path or Path.cwd()).resolve())
		if bench is None:
			raise NoBench(otherwise)
		return bench


class Age(click.ParamType):  # type: ignore[type-arg,unused-ignore]
	"""`30m`, `2h`, `1d`, or a date and time."""

	name = "age"

	def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
		if isinstance(value, datetime):
			return value
		match = _AGE.fullmatch(value.strip())
		try:
			if match:
				return clock.now() - timedelta(**{_UNITS[match[2]]: int(match[1])})
			return datetime.fromisoformat(value.strip().replace("Z", "+00:00")).astimezone(timezone.utc)
		except (ValueError, OverflowError):
			self.fail(
				f"{value!r} is neither like 30m, 2h, 1d nor a date and time like 2026-01-31T10:00", param, ctx
			)


class Seconds(click.ParamType):  # type: ignore[type-arg,unused-ignore]
	"""A length of time in seconds.

	Args:
		minimum, maximum: Both are allowed, but 0 is not, unless `zero` says so.
	"""

	name = "seconds"

	def __init__(
		self, minimum: float = 0.0, maximum: float = limits.SEARCH_MAX_SECONDS, zero: bool = False
	) -> None:
		self.minimum, self.maximum, self.zero = minimum, maximum, zero

	def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
		try:
			seconds = float(value)
		except ValueError:
			self.fail(f"{value!r} is no number of seconds", param, ctx)
		is_allowed = self.minimum <= seconds <= self.maximum  # which "nan" is not
		if not is_allowed or not (seconds or self.zero):
			start = "from" if self.minimum or self.zero else "more than"
			self.fail(f"{start} {self.minimum:g} to {self.maximum:g} seconds", param, ctx)
		return seconds


class Name(click.ParamType):  # type: ignore[type-arg,unused-ignore]
	"""The name of a job or a worker. An empty one, of a shell variable that is not set, is refused."""

	name = "name"

	def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
		if not value.strip():
			self.fail("it is empty", param, ctx)
		return str(value)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
	"""Adds the option `--json`, as the argument `as_json`."""
	return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def console(soft_wrap: bool = False) -> Console:
	"""A console as wide as the terminal, or as COLUMNS says. Off a terminal nothing is cut or wrapped."""
	is_bounded = sys.stdout.isatty() or os.environ.get("COLUMNS")
	width = None if is_bounded else display.UNBOUNDED
	return Console(highlight=False, markup=False, soft_wrap=soft_wrap, width=width)


def show(as_json: bool, records: Any, view: Any) -> None:
	"""Print records as JSON, or their view."""
	if as_json:
		click.echo(display.json_text(records, indent=1))
	else:
		console().print(view)
