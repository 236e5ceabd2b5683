"""Packed rows of metrics added up: to counts, to aggregates, to the sketches of all methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from job_monitor.core.history.aggregates import Aggregate
from job_monitor.core.history.metric_rows import Columns, PackedRow, unpack
from job_monitor.core.history.run_records import OUTCOMES


class Counts(dict[str, dict[str, int]]):
	"""Runs by outcome and method, from the counts of rows alone: five times as fast as `fold`. Rules add up an hour at each
	evaluation."""

	def __init__(self) -> None:
		super().__init__({outcome: {} for outcome in OUTCOMES})

	def add(self, text: str) -> None:
		"""Add the counts of a packed row.

		Raises:
			ValueError: Not a row that `metric_rows.pack` made.
		"""
		columns = unpack(PackedRow(text))
		for outcome, column in columns.counts.items():
			if any(column):
				sums = self[outcome]
				for method, number in zip(columns.methods, column, strict=True):
					if number:
						sums[method] = sums.get(method, 0) + number

	def copy(self) -> Counts:
		"""Counts that do not change with these."""
		other = Counts()
		other.update({outcome: dict(sums) for outcome, sums in self.items()})
		return other

	def total(self, method: str | None = None) -> int:
		"""Runs of a method, or of all."""
		if method is None:
			return sum(sum(sums.values()) for sums in self.values())
		return sum(sums.get(method, 0) for sums in self.values())


def fold(row: PackedRow, of: Callable[[str], Aggregate | None]) -> None:
	"""Add a packed row to aggregates, all of it or nothing. Its sketches only if the row has them.

	Args:
		of: The aggregate that a method belongs to; None leaves it out.

	Raises:
		ValueError: Not a row that `metric_rows.pack` made.
	"""
	columns = unpack(row)
	aggregates = [of(method) for method in columns.methods]
	for outcome, column in columns.counts.items():
		if any(column):
			for aggregate, number in zip(aggregates, column, strict=True):
				if aggregate is not None:
					aggregate.counts[outcome] += number
	for aggregate, seconds in zip(aggregates, columns.seconds, strict=True):
		if aggregate is not None:
			aggregate.seconds += seconds
	if columns.sketches:
		_add_sketches(aggregates, columns)


def _add_sketches(aggregates: Sequence[Aggregate | None], columns: Columns) -> None:
	sums, sketches = columns.sums, columns.sketches
	for at, aggregate in enumerate(aggregates):
		if aggregate is not None:
			aggregate.waited += sums["waited"][at]
			aggregate.cpu += sums["cpu"][at]
			aggregate.memory = max(aggregate.memory, sums["memory"][at])
			aggregate.durations.add_packed(*sketches[2 * at])
			aggregate.waits.add_packed(*sketches[2 * at + 1])


def fold_totals(text: str, into: Aggregate) -> None:
	"""Add the sketches of all methods of a packed row.

	Raises:
		ValueError: Not a row that `metric_rows.pack` made.
	"""
	for sketch, packed in zip(
		(into.durations, into.waits), unpack(PackedRow(totals=text)).totals, strict=False
	):
		sketch.add_packed(*packed)
