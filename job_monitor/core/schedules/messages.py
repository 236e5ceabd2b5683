"""What is said about a schedule: one line for what is wrong, one for what to do. Read at night, by tired people."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from job_monitor.core import clock, limits
from job_monitor.core.rq.diagnosis import duration, listed, worker_command
from job_monitor.core.schedules.records import KILLED, Assessment
from job_monitor.core.schedules.schedule_jobs import Placement

Told = tuple[str, str]


_SCHEDULER = {
	"absent": ("The scheduler is absent: no scheduled job is started", "Start it: bench schedule"),
	"disabled": (
		"The scheduler of this site is disabled: no scheduled job runs",
		"Switch it on: bench --site {site} enable-scheduler",
	),
	"paused": (
		"The scheduler of this site is paused: no scheduled job runs",
		"Resume it: bench --site {site} scheduler resume",
	),
	"maintenance": (
		"The site is in maintenance: no scheduled job runs",
		"End the maintenance: bench --site {site} set-maintenance-mode off",
	),
	"dormant": (
		"The site counts as dormant: its scheduled jobs run once a day",
		"Log in, or raise dormant_days in System Settings.",
	),
}


def of_scheduler(state: str, site: str) -> Told:
	"""What it means that a site's scheduler is in a state other than enabled, as a title; and what to do."""
	message, hint = _SCHEDULER[state]
	return message, hint.format(site=shlex.quote(site))


def tell(case: Assessment, state: str) -> Told:
	"""What is wrong, and what to do; "" for nothing."""
	return _TELLERS[state](case)


def _ok(case: Assessment) -> Told:
	if case.schedule.is_skipped:
		return "Its next run is skipped, as somebody has told it to.", ""
	return (_held(case) + "." if case.place is Placement.RUNNING else ""), ""


def _stopped(case: Assessment) -> Told:
	return "Stopped by hand: it does not run.", "Untick Stopped to let it run again."


def _never_ran(case: Assessment) -> Told:
	due = case.schedule.due
	first = f"; first due in {duration((due[0] - case.now).total_seconds())}" if due else ""
	return (f"Has not run yet{first if not case.overdue else ''}.", "")


def _paused(case: Assessment) -> Told:
	message, hint = of_scheduler(case.scheduler.state, case.scheduler.site)
	return f"{message}.", hint


def _failing(case: Assessment) -> Told:
	schedule = case.schedule
	most = limits.SCHEDULE_RUNS
	times = "Its last run" if case.failures == 1 else f"Its last {case.failures} runs"
	times += " (or more)" if case.failures >= most else ""
	error = f": {schedule.run.error}" if schedule.run and schedule.run.error else "."
	word = "was killed" if case.outcome == KILLED and case.failures == 1 else "failed"
	hint = (
		"Its process ended before it did: look at the memory of its host, and at logs/worker.error.log."
		if case.outcome == KILLED
		else "Its newest log has the traceback. Repair the cause, then run it again."
	)
	return f"{times} {word}{error}", hint


def _overdue(case: Assessment) -> Told:
	return f"Overdue by {duration(case.overdue)}: {_lower(_held(case))}.", _hint_of_held(case)


def _blocked(case: Assessment) -> Told:
	job = case.schedule.job
	assert job is not None
	since = f" for {duration(clock.seconds_between(job.since, case.now))}" if job.since else ""
	missed = f"; it missed {_runs(case.missed)}" if case.missed else ""
	message = f"Blocked{since}: {job.reason}, so the scheduler skips it{missed}."
	return message, "Release it; the scheduler queues it anew when it is due."


def _missed(case: Assessment) -> Told:
	schedule = case.schedule
	if schedule.problem:
		return schedule.problem, "Correct its cron format where it is set: hooks.py or its Server Script."
	if case.ahead:
		start = "Its last run" if schedule.last_run_at else "The moment it was made"
		return (
			f"{start} lies {duration(case.ahead)} in the future, so it does not run until then: the clock, or the time zone of the "
			"site, was set back since.",
			"Execute it once by hand (from the menu of its form): it is due from then on.",
		)
	start = f"Missed {_runs(case.missed)}, overdue by {duration(case.overdue)}"
	if case.place is Placement.WAITING:
		return f"{start}: {_lower(_held(case))}.", _hint_of_held(case)
	job = schedule.job
	if job and job.ended_at and schedule.due and job.ended_at > schedule.due[0]:
		return (
			f"{start}: its job {job.status} without running it.",
			"Something raises before it starts: look at its RQ Job and at logs/worker.error.log.",
		)
	return (
		f"{start}: the scheduler has not queued it.",
		"Does it run (bench schedule)? What does logs/scheduler.log say?",
	)


def all_ahead(methods: Sequence[str], seconds: float) -> Told:
	"""Of all schedules of a site that lie in the future, by up to so many seconds."""
	names = listed(methods, limits.PATTERN_CHARS * 5)
	return (
		f"{len(methods):,} schedules ran, or were made, up to {duration(seconds)} in the future, so they do not run until "
		f"then: the clock, or the time zone of the site, was set back since. {names}.",
		f"They run by themselves in {duration(seconds)}, all of them. What must not wait, execute once by hand (from the "
		"menu of its form): it is due from then on.",
	)


def _held(case: Assessment) -> str:
	job = case.schedule.job
	assert job is not None
	since = duration(clock.seconds_between(job.since, case.now))
	if job.place is Placement.RUNNING:
		usual = case.schedule.usual_duration
		usually = f", usually {duration(usual)}" if usual is not None else ""
		skipped = f"; {_runs(case.missed)} skipped meanwhile" if case.missed else ""
		return f"Runs for {since}{usually}{skipped}"
	served = "" if job.served else ", which no worker serves"
	return f"Its job waits for {since} in queue {job.queue}{served}"


def _hint_of_held(case: Assessment) -> str:
	job = case.schedule.job
	if job is None or job.place is Placement.RUNNING:
		return "If that is too long, look at its stack trace in RQ Job."
	if job.served:
		return "Add workers, or look at what they run."
	return f"Start one: {worker_command(job.queue)}"


def _runs(count: int) -> str:
	return "1 run" if count == 1 else f"{count:,} runs"


def _lower(text: str) -> str:
	return text[:1].lower() + text[1:]


_TELLERS = {
	"ok": _ok,
	"stopped": _stopped,
	"never ran": _never_ran,
	"paused": _paused,
	"failing": _failing,
	"overdue": _overdue,
	"blocked": _blocked,
	"missed": _missed,
}
