"""Boot info: what Desk's scripts know when they start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from job_monitor.bridge import context, permissions
from job_monitor.bridge.wording import translated
from job_monitor.core.acts.messages import ACTS
from job_monitor.core.history.messages import OUTCOMES
from job_monitor.core.schedules.messages import STATE_LABELS


def extend(bootinfo: Any) -> None:
	"""Add `job_monitor`: the configured queues, whether the user may act, and words of core in the user's language.

	Neither Redis nor the database is asked.
	"""
	bootinfo.job_monitor = {
		"queues": context.queue_names(),
		"can_manage": permissions.can_manage(),
		"acts": _acts(),
		"outcomes": _translated(OUTCOMES),
		"schedule_states": _translated(STATE_LABELS),
	}


def _acts() -> list[dict[str, Any]]:
	"""What can be done with jobs: `name` of the endpoint, `statuses`, `label`, `question`."""
	return [
		{
			"name": name,
			"statuses": act.statuses,
			"label": translated(act.label),
			"question": translated(act.question),
		}
		for name, act in ACTS.items()
	]


def _translated(words: Mapping[str, str]) -> dict[str, str]:
	return {code: translated(word) for code, word in words.items()}
