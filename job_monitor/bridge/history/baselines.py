"""How long methods usually take: worked out from Job Metric each hour, kept for alert rules that ask each minute."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from job_monitor.bridge.history import job_metric
from job_monitor.bridge.history.job_metric import DAY, HOUR
from job_monitor.bridge.history.recorder_progress import segments
from job_monitor.bridge.site import state
from job_monitor.core import clock
from job_monitor.core.history.aggregates import Methods


@dataclass(frozen=True)
class Baseline:
	"""How long a method usually takes, in seconds: of so many runs in the last `DAYS`."""

	samples: int
	p50: float
	p95: float


STATE = "baselines"
"""Key of `site.state`."""

DAYS = 7


def refresh() -> None:
	"""Work out the baselines of all methods anew and keep them. The caller commits."""
	now = clock.now()
	since = HOUR.floor(now - timedelta(days=DAYS))
	merged = Methods()
	for scale, start, end in segments(since, now + job_metric.SLACK, DAY):
		merged.merge(row.methods for _, row in job_metric.read(scale, start, end))
	values = {
		method: [aggregate.durations.total, *aggregate.durations.percentiles(0.5, 0.95)]
		for method, aggregate in merged.items()
	}
	state.put(STATE, json.dumps(values))


def read() -> dict[str, Baseline]:
	"""Baselines by method, as `refresh` kept them; an entry that is no baseline is left out. One query."""
	try:
		kept = json.loads(state.get(STATE) or "{}")
	except ValueError:
		kept = {}
	entries = kept.items() if isinstance(kept, dict) else ()
	return {method: baseline for method, values in entries if (baseline := _baseline(values))}


def _baseline(values: Any) -> Baseline | None:
	match values:
		case [int(samples), float() | int() as p50, float() | int() as p95]:
			return Baseline(samples, float(p50), float(p95))
	return None
