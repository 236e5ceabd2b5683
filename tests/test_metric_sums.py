"""Adding packed metrics up gives what unpacking and merging them gives."""

from __future__ import annotations

import random

import pytest

from job_monitor.core.metric_sums import DURATIONS, WAITS, Sum, fold
from job_monitor.core.metrics import Methods
from job_monitor.core.runs import OUTCOMES, Run

METHODS = ("a.b", "a.c", "d")


def rows(seed: int) -> list[Methods]:
	rng = random.Random(seed)
	found = []
	for _ in range(rng.randrange(1, 6)):
		row = Methods()
		for _ in range(rng.randrange(200)):
			duration, wait = (rng.choice([None, 0.0, 10 ** rng.uniform(-8, 11)]) for _ in range(2))
			outcome, memory = rng.choice(OUTCOMES), rng.choice([None, rng.randrange(10**9)])
			run = Run("j", rng.choice(METHODS), "q", 0.0, outcome=outcome, wait=wait, duration=duration,
				cpu=0.25, memory=memory)  # fmt: skip
			row.of(run.method).add(run)
		found.append(row)
	return found


@pytest.mark.parametrize("seed", range(20))
def test_a_sum_is_what_merging_is(seed: int) -> None:
	given = rows(seed)
	whole, of_a = Sum((DURATIONS, WAITS)), Sum((WAITS,))
	for row in given:
		fold(row.pack(), lambda method: [whole, of_a] if method.startswith("a.") else [whole])
	merged = Methods().merge(given)
	expected = merged.total()
	assert whole.counts == {outcome: expected.counts.get(outcome, 0) for outcome in OUTCOMES}
	assert whole.seconds == pytest.approx(expected.seconds, rel=1e-3, abs=0.01)
	assert (whole.cpu, whole.memory) == (expected.cpu, expected.memory)
	assert whole.histogram(DURATIONS).counts == expected.durations.counts
	assert whole.histogram(WAITS).counts == expected.waits.counts
	merged.pop("d", None)
	assert of_a.histogram(WAITS).counts == merged.total().waits.counts
	assert of_a.histogram(DURATIONS).counts == {}
	doubled = Sum((DURATIONS,)).merge([whole, whole])
	assert doubled.total == 2 * whole.total
	assert sum(doubled.histogram(DURATIONS).counts.values()) == 2 * sum(expected.durations.counts.values())


@pytest.mark.parametrize("text", ["", "x", "no text of ours", "~~~~~"])
def test_what_is_spoilt_is_told(text: str) -> None:
	with pytest.raises(ValueError):
		fold(text, lambda _method: [Sum()])
