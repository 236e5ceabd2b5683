"""Acts on jobs and their outcomes, each worded once: Desk, the API and commands read these tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from job_monitor.core.rq import keys
from job_monitor.core.schedules.placements import Placement
from job_monitor.core.wording import Wording, counted, say

WAITING = (keys.QUEUED, "deferred", "scheduled")
ENDED = ("finished", keys.FAILED, "stopped", "canceled")


@dataclass(frozen=True)
class Act:
	"""What can be done with a job.

	Attributes:
		statuses: Of jobs with which it can be done. A zombie can be removed whatever its status.
		label: Of its button.
		question: Asked before it.
		refusal: Why it cannot be done with a job of another status.
	"""

	statuses: tuple[str, ...]
	label: str
	question: str
	refusal: str


ACTS = {
	"stop": Act(
		(keys.STARTED,),
		say("Stop"),
		say("End this job at once? What it has not committed is lost."),
		say("only a running job can be stopped"),
	),
	"retry": Act(
		(keys.FAILED, "stopped", "canceled"),
		say("Retry"),
		say("Put this job back into its queue?"),
		say("only a failed, stopped or canceled job can be retried"),
	),
	"cancel": Act(
		WAITING,
		say("Cancel"),
		say("Take this job out of its queue? It will not run."),
		say("only a waiting job can be canceled"),
	),
	"remove": Act(
		(*WAITING, *ENDED),
		say("Delete"),
		say("Delete this job and its traceback from Redis?"),
		say("only a waiting or ended job or a zombie can be removed"),
	),
}
"""By name, in the order of their buttons."""

OUTCOMES = {
	"stopping": say("its worker was asked to stop it"),
	"requeued": say("it was put back into its queue"),
	"canceled": say("it was canceled"),
	"deleted": say("it was deleted"),
	"zombie-deleted": say("the zombie was deleted"),
	"released": say("released: {0}"),
	"worker-gone": say("its worker is gone, so there is no process to stop"),
	"running": say("a running job must be stopped first"),
	"left-queue": say("it has left its queue meanwhile"),
	"changed": say("its state has changed meanwhile"),
	"gone": say("it is gone already"),
	"not-blocked": say("Nothing blocks it. Its state: {0}."),
	f"blocks-nothing-{Placement.WAITING.value}": say("it blocks nothing: it waits in its queue"),
	f"blocks-nothing-{Placement.RUNNING.value}": say("it blocks nothing: it is run by a worker"),
	f"blocks-nothing-{Placement.ENDED.value}": say("it blocks nothing: it has ended"),
	f"blocks-nothing-{Placement.UNKNOWN.value}": say(
		"it blocks nothing: it may be on its way; try again in two minutes"
	),
}
"""What came of an act, by code."""


@dataclass(frozen=True)
class Outcome:
	"""What an act did. `outcome` and `refused` make one.

	Attributes:
		done: False if the job's state did not allow it; nothing was changed then.
		status: The job's status afterwards, "" if it is gone.
		message: In words; a `Wording`.
		code: Stable name: one of `OUTCOMES`, or that of the act that is not possible, as `not-stop`.
		values: What the message is made of, by name.
	"""

	done: bool
	status: str
	message: str
	code: str
	values: Mapping[str, object] = field(default_factory=dict)


def outcome(code: str, done: bool, status: str = "", why: str = "", dependents: int = 0) -> Outcome:
	"""What came of an act.

	Args:
		why: For messages that say it: the reason or the state.
		dependents: Jobs that waited for one that is deleted.
	"""
	message = Wording(OUTCOMES[code], why) if why else OUTCOMES[code]
	values: dict[str, object] = {"why": why} if why else {}
	if dependents:
		rest = counted(
			dependents,
			"1 job that waits for it will not start",
			"{0} jobs that wait for it will not start",
		)
		message, values = say("{0}; {1}", message, rest), {"dependents": dependents}
	return Outcome(done, status, message, code, values)


def refused(act: str, status: str, because: str = "") -> Outcome:
	"""That an act is not possible with a job of this status.

	Args:
		because: Code of another reason than the status.
	"""
	reason = OUTCOMES[because] if because else ACTS[act].refusal
	message = say("{0}; this one is {1}", reason, Wording(status))
	return Outcome(False, status, message, because or f"not-{act}", {"status": status})
