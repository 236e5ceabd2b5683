"""Texts of durations: `5 minutes`."""

from __future__ import annotations

from job_monitor.core.wording import Number, Wording, say

_UNITS = ((86400, say("{0} d")), (3600, say("{0} h")), (60, say("{0} min")))


def duration(seconds: float | None) -> Wording:
	"""The short form, for tables and findings: `4 s`, `12 min`, `3.5 h`, `2 d`; "unknown" for None."""
	if seconds is None:
		return say("unknown")
	if 0 < seconds < 0.9995:
		return say("{0} ms", Number(seconds * 1000))
	seconds = round(seconds)
	for size, unit in _UNITS:
		if seconds >= size:
			value = seconds / size
			return Wording(unit, Number(value, 1 if value < 10 and size > 60 else 0))
	return say("{0} s", seconds)
