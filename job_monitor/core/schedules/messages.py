"""Messages of schedules and of the scheduler, each worded once: what is wrong, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from job_monitor.core import clock, limits
from job_monitor.core.durations import duration
from job_monitor.core.messages import Text, start_worker
from job_monitor.core.schedules.assessment import Assessment
from job_monitor.core.schedules.placements import Placement
from job_monitor.core.schedules.records import KILLED
from job_monitor.core.wording import Number, Wording, counted, listed, say

STATE_LABELS = {
	"blocked": say("Blocked"),
	"missed": say("Missed"),
	"failing": say("Failing"),
	"overdue": say("Overdue"),
	"never ran": say("Never ran"),
	"paused": say("Paused"),
	"stopped": say("Stopped"),
	"ok": say("OK"),
}
"""Names of states, as lists and reports show them."""

SCHEDULER_STATES = {
	"running": say("Scheduler: Active"),
	"absent": say("Scheduler: Absent"),
	"disabled": say("Scheduler: Disabled"),
	"paused": say("Scheduler: Paused"),
	"dormant": say("Scheduler: Dormant"),
}
"""The scheduler's states, as lists show them."""


def label(state: str, missed_runs: int) -> Wording:
	"""The name of a schedule's state, with the number of runs that it missed."""
	return (
		say("Missed {0}", Number(missed_runs)) if state == "missed" and missed_runs else STATE_LABELS[state]
	)


SCHEDULES = say("schedules")
"""Subject of findings that are about several."""

_SCHEDULER = {
	"absent": say("The scheduler is absent: no scheduled job is started"),
	"disabled": say("The scheduler of this site is disabled: no scheduled job runs"),
	"paused": say("The scheduler of this site is paused: no scheduled job runs"),
	"maintenance": say("The site is in maintenance: no scheduled job runs"),
	"dormant": say("The site counts as dormant: its scheduled jobs run once a day"),
}


def of_scheduler(state: str, site: str) -> Text:
	"""What a state of a site's scheduler other than enabled means, as a title without a period; and what to do."""
	name = shlex.quote(site)
	hint = {
		"absent": say("Start it: {0}", "bench schedule"),
		"disabled": say("Switch it on: {0}", f"bench --site {name} enable-scheduler"),
		"paused": say("Resume it: {0}", f"bench --site {name} scheduler resume"),
		"maintenance": say("End the maintenance: {0}", f"bench --site {name} set-maintenance-mode off"),
		"dormant": say("Log in, or raise dormant_days in System Settings."),
	}
	return _SCHEDULER[state], hint[state]


def describe(assessment: Assessment, state: str) -> Text:
	"""What is wrong with a schedule in this state, and what to do; "" for nothing."""
	return _MESSAGES[state](assessment)


def _ok(assessment: Assessment) -> Text:
	if assessment.schedule.is_skipped:
		return say("Its next run is skipped, as somebody has told it to."), ""
	return (_job(assessment) if assessment.place is Placement.RUNNING else ""), ""


def _stopped(assessment: Assessment) -> Text:
	return say("Stopped by hand: it does not run."), say("Untick Stopped to let it run again.")


def _never_ran(assessment: Assessment) -> Text:
	due = assessment.schedule.due
	if not due or assessment.overdue:
		return say("Has not run yet."), ""
	first = duration((due[0] - assessment.now).total_seconds())
	return say("Has not run yet; first due in {0}.", first), ""


def _paused(assessment: Assessment) -> Text:
	message, hint = of_scheduler(assessment.scheduler.state, assessment.scheduler.site)
	return say("{0}.", message), hint


def _failing(assessment: Assessment) -> Text:
	run, killed = assessment.schedule.run, assessment.outcome == KILLED
	hint = (
		say("Its process ended before it did: look at the memory of its host, and at logs/worker.error.log.")
		if killed
		else say("Its newest log has the traceback. Repair the cause, then run it again.")
	)
	what = _failed(assessment.failures, killed)
	return (say("{0}: {1}", what, run.error) if run and run.error else say("{0}.", what)), hint


def _failed(times: int, killed: bool) -> Wording:
	if times == 1:
		return say("Its last run was killed") if killed else say("Its last run failed")
	if times >= limits.SCHEDULE_RUNS:
		return say("Its last {0} runs (or more) failed", times)
	return say("Its last {0} runs failed", times)


def _overdue(assessment: Assessment) -> Text:
	return say("Overdue by {0}. {1}", duration(assessment.overdue), _job(assessment)), _job_hint(assessment)


def _blocked(assessment: Assessment) -> Text:
	job = assessment.schedule.job
	assert job is not None
	why = say("{0}, so the scheduler skips it.", job.reason)
	if job.since:
		since = duration(clock.seconds_between(job.since, assessment.now))
		why = say("Blocked for {0}: {1}", since, why)
	else:
		why = say("Blocked: {0}", why)
	if assessment.missed:
		missed = counted(assessment.missed, "It missed 1 run.", "It missed {0} runs.")
		why = say("{0} {1}", why, missed)
	return why, say("Release it; the scheduler queues it anew when it is due.")


def _missed(assessment: Assessment) -> Text:
	if problem := assessment.schedule.problem:
		return problem, say("Correct its cron format where it is set: hooks.py or its Server Script.")
	if assessment.ahead:
		return _ahead(assessment)
	missed = counted(
		assessment.missed,
		"Missed 1 run, overdue by {1}.",
		"Missed {0} runs, overdue by {1}.",
		duration(assessment.overdue),
	)
	why, hint = _why_missed(assessment)
	return say("{0} {1}", missed, why), hint


def _why_missed(assessment: Assessment) -> Text:
	job, due = assessment.schedule.job, assessment.schedule.due
	if assessment.place is Placement.WAITING:
		return _job(assessment), _job_hint(assessment)
	if job and job.ended_at and due and job.ended_at > due[0]:
		return (
			say("Its job ended without running it ({0}).", Wording(job.status)),
			say("Something raises before it starts: look at its RQ Job and at logs/worker.error.log."),
		)
	return (
		say("The scheduler has not queued it."),
		say("Does it run (bench schedule)? What does logs/scheduler.log say?"),
	)


def _ahead(assessment: Assessment) -> Text:
	by = duration(assessment.ahead)
	message = (
		say(
			"Its last run lies {0} in the future, so it does not run until then: the clock, or the time zone of the site, "
			"was set back since.",
			by,
		)
		if assessment.schedule.last_run_at
		else say(
			"The moment it was made lies {0} in the future, so it does not run until then: the clock, or the time zone of "
			"the site, was set back since.",
			by,
		)
	)
	return message, say("Execute it once by hand (from the menu of its form): it is due from then on.")


def all_ahead(methods: Sequence[str], seconds: float) -> Text:
	"""What is wrong with all schedules of a site that lie in the future, by up to so many seconds; and what to do."""
	names = listed(methods, limits.PATTERN_CHARS * 5)
	return (
		say(
			"{0} schedules ran, or were made, up to {1} in the future, so they do not run until then: the clock, or the "
			"time zone of the site, was set back since. {2}.",
			Number(len(methods)),
			duration(seconds),
			names,
		),
		say(
			"They run by themselves in {0}, all of them. What must not wait, execute once by hand (from the menu of its "
			"form): it is due from then on.",
			duration(seconds),
		),
	)


def more(state: str, methods: Sequence[str]) -> Text:
	"""The message about schedules that have no finding of their own, all blocked, missed or failing."""
	number, names = Number(len(methods)), listed(methods, limits.PATTERN_CHARS * 5)
	template = {
		"blocked": say("{0} more schedules are blocked: {1}."),
		"missed": say("{0} more schedules are missed: {1}."),
		"failing": say("{0} more schedules are failing: {1}."),
	}[state]
	return Wording(template, number, names), say("See the report Schedule Health.")


def _job(assessment: Assessment) -> Wording:
	job = assessment.schedule.job
	assert job is not None
	since = duration(clock.seconds_between(job.since, assessment.now))
	if job.place is not Placement.RUNNING:
		if job.served:
			return say("Its job waits for {0} in queue {1}.", since, job.queue)
		return say("Its job waits for {0} in queue {1}, which no worker serves.", since, job.queue)
	usual = assessment.schedule.usual_duration
	runs = (
		say("Runs for {0}, usually {1}.", since, duration(usual))
		if usual is not None
		else say("Runs for {0}.", since)
	)
	if not assessment.missed:
		return runs
	skipped = counted(assessment.missed, "1 run was skipped meanwhile.", "{0} runs were skipped meanwhile.")
	return say("{0} {1}", runs, skipped)


def _job_hint(assessment: Assessment) -> str:
	job = assessment.schedule.job
	if job is None or job.place is Placement.RUNNING:
		return say("If that is too long, look at its stack trace in RQ Job.")
	if job.served:
		return say("Add workers, or look at what they run.")
	return start_worker(job.queue)


_MESSAGES = {
	"ok": _ok,
	"stopped": _stopped,
	"never ran": _never_ran,
	"paused": _paused,
	"failing": _failing,
	"overdue": _overdue,
	"blocked": _blocked,
	"missed": _missed,
}
