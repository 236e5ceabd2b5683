"""Counts and sketches of runs, by method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from job_monitor.core import limits
from job_monitor.core.histogram import Histogram
from job_monitor.core.history.run_records import BAD, OUTCOMES, Run

OTHERS = "(others)"
"""The name of the methods beyond `limits.METRIC_METHODS`, which are counted together."""


@dataclass
class Aggregate:
	"""Counts, sums and sketches of runs.

	Attributes:
		counts: Runs by outcome.
		seconds, cpu, waited: Sums, in seconds, of the runs where they are known.
		memory: The highest peak, in bytes.
	"""

	counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
	seconds: float = 0.0
	cpu: float = 0.0
	waited: float = 0.0
	memory: int = 0
	durations: Histogram = field(default_factory=Histogram)
	waits: Histogram = field(default_factory=Histogram)

	@property
	def total(self) -> int:
		"""All runs."""
		return sum(self.counts.values())

	@property
	def bad(self) -> int:
		"""Runs that failed, timed out or were killed."""
		return sum(self.counts[outcome] for outcome in BAD)

	def add(self, run: Run) -> None:
		"""Count a run that ended."""
		self.counts[run.outcome] += 1
		if run.duration is not None:
			self.seconds += run.duration
			self.durations.add(run.duration)
		if run.wait is not None:
			self.waited += run.wait
			self.waits.add(run.wait)
		if run.cpu is not None:
			self.cpu += run.cpu
		if run.memory is not None and run.memory > self.memory:
			self.memory = run.memory

	def merge(self, other: Aggregate) -> None:
		"""Add the runs of another aggregate."""
		for outcome, number in other.counts.items():
			self.counts[outcome] += number
		self.seconds += other.seconds
		self.cpu += other.cpu
		self.waited += other.waited
		self.memory = max(self.memory, other.memory)
		self.durations.add_up(other.durations)
		self.waits.add_up(other.waits)


class Methods(dict[str, Aggregate]):
	"""Aggregates by method."""

	def of(self, method: str) -> Aggregate:
		"""The aggregate of a method, made if there is none; that of `OTHERS` once there are `limits.METRIC_METHODS`."""
		aggregate = self.get(method)
		if aggregate is None:
			if len(self) >= limits.METRIC_METHODS:
				method = OTHERS
			aggregate = self.setdefault(method, Aggregate())
		return aggregate

	def merge(self, others: Iterable[Methods]) -> Methods:
		"""Add the aggregates of others to these."""
		for other in others:
			for method, aggregate in other.items():
				self.of(method).merge(aggregate)
		return self

	def total(self) -> Aggregate:
		"""The aggregate of all methods."""
		merged = Aggregate()
		for aggregate in self.values():
			merged.merge(aggregate)
		return merged
