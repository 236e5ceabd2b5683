"""A run of a job, and how runs end."""

from __future__ import annotations

from dataclasses import dataclass

SUCCESS = "success"
FAILED = "failed"
TIMEOUT = "timeout"
STOPPED = "stopped"
KILLED = "killed"
OUTCOMES = (SUCCESS, FAILED, TIMEOUT, STOPPED, KILLED)
BAD = (FAILED, TIMEOUT, KILLED)
"""Outcomes of a run that failed; what somebody stopped did not fail."""


@dataclass(frozen=True)
class Run:
	"""One run of a job.

	Attributes:
		started_at, ended_at: Unix times by the clock of the worker's host; ended_at 0 while it goes on.
		outcome: One of `OUTCOMES`, "" while it goes on.
		wait, duration, cpu: Seconds; None if unknown.
		memory: Peak of the process that ran it, in bytes; None if unknown.
		attempts: How often Frappe called the method, after deadlocks.
	"""

	job_id: str
	method: str
	queue: str
	started_at: float
	user: str = ""
	worker: str = ""
	wait: float | None = None
	ended_at: float = 0.0
	outcome: str = ""
	duration: float | None = None
	cpu: float | None = None
	memory: int | None = None
	attempts: int = 1

	@property
	def key(self) -> str:
		"""Tells two runs of the same job apart."""
		return f"{self.started_at:.6f} {self.job_id}"
