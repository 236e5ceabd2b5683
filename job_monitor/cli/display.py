"""Parts of the views: text that is safe for a terminal, tables of one look, ages and counts, records as JSON."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from job_monitor.cli import terminal_text
from job_monitor.core import clock
from job_monitor.core.durations import duration
from job_monitor.core.rq.records import Job


def words(text: str, style: str = "") -> Text:
	"""Text from Redis, without markup and without control characters."""
	return Text(terminal_text.lines(text), style=style)


class Tail:
	"""Text that loses its beginning where there is no room, as its end says more."""

	def __init__(self, text: str) -> None:
		self.text = terminal_text.line(text)

	def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
		return Measurement(min(12, len(self.text)), len(self.text))

	def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
		room = options.max_width
		yield Text(self.text if len(self.text) <= room else f"…{self.text[1 - room :]}", no_wrap=True)


def add_row(table: Table, cells: Sequence[RenderableType], style: str = "") -> None:
	"""Add a row to a table; texts among its cells are made safe, see `words`."""
	table.add_row(*[words(cell) if isinstance(cell, str) else cell for cell in cells], style=style)


def plain(value: Any) -> Any:
	"""A record as a value for JSON: moments as ISO 8601 in UTC, computed figures included."""
	if isinstance(value, Enum):
		return value.value
	if isinstance(value, datetime):
		return value.isoformat()
	if is_dataclass(value):
		shown = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
		if isinstance(value, Job):
			shown |= {"wait": value.wait, "duration": value.duration}
		return shown
	if isinstance(value, Mapping):
		return {name: plain(item) for name, item in value.items()}
	return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def json_text(records: Any, indent: int | None = None) -> str:
	"""Records as JSON, safe for a terminal; in ASCII where standard output can write nothing else."""
	unicode = codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name.startswith("utf")
	return terminal_text.json(json.dumps(plain(records), ensure_ascii=not unicode, indent=indent))


UNBOUNDED = 100_000
"""Columns where the output is no terminal, so that everything fits in."""


class WideTable(Table):
	"""A table that fills the width of a terminal, if it is to expand; off a terminal it does not."""

	def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
		self.expand = self.expand and options.max_width < UNBOUNDED
		return super().__rich_console__(console, options)


class WidePanel(Panel):
	"""A panel; off a terminal without a frame, which would fill each line up to the longest, of 100,000 characters."""

	def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
		if options.max_width < UNBOUNDED:
			return super().__rich_console__(console, options)
		return iter([Text(f"\n{self.title}", style="bold"), self.renderable])


def table(*columns: str | tuple[str, dict[str, Any]], expand: bool = False) -> Table:
	"""An empty table with these columns, in the look that all views share."""
	result = WideTable(
		box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, expand=expand, padding=(0, 1)
	)
	for column in columns:
		name, options = (column, {}) if isinstance(column, str) else column
		result.add_column(name, **options)
	return result


RIGHT: dict[str, Any] = {"justify": "right", "no_wrap": True}
LINE: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"}


def ago(moment: datetime | None, now: datetime) -> str:
	"""The age of a moment, such as `5 min`; "" if it is unknown."""
	seconds = clock.seconds_between(moment, now)
	return "" if seconds is None else duration(seconds)


def count(number: int | None, style: str = "") -> Text:
	"""A number as text, dim for 0; a red question mark if it is unknown."""
	if number is None:
		return Text("?", style="bright_red")
	return Text(f"{number:,}", style=style if number else "dim")
